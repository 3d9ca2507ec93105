#include "tests/ring/brute.h"

#include <algorithm>
#include <tuple>

#include "ring/points.h"

namespace ringway::ring::test {

std::vector<std::string> brute_walk(std::vector<NamedPoint> points, std::uint64_t hash) {
    const auto comes_first = [hash](const NamedPoint& a, const NamedPoint& b) {
        const std::uint64_t up_a = a.position - hash, down_a = hash - a.position;
        const std::uint64_t up_b = b.position - hash, down_b = hash - b.position;
        const std::uint64_t near_a = std::min(up_a, down_a), near_b = std::min(up_b, down_b);
        if (near_a != near_b) return near_a < near_b;
        const bool clockwise_a = up_a <= down_a, clockwise_b = up_b <= down_b;
        if (clockwise_a != clockwise_b) return clockwise_a;
        return clockwise_a ? a.id < b.id : a.id > b.id;
    };
    std::sort(points.begin(), points.end(), comes_first);
    std::vector<std::string> ids;
    for (const NamedPoint& point : points)
        if (std::find(ids.begin(), ids.end(), point.id) == ids.end()) ids.push_back(point.id);
    return ids;
}

std::vector<NamedPoint> expected_points(const Snapshot& snapshot) {
    std::vector<NamedPoint> points;
    for (const Member& member : snapshot.members()) {
        if (member.status != Status::online) continue;
        const std::uint32_t all = member.weight * snapshot.settings().vnodes;
        const std::uint32_t count =
            all / 1000 * member.ramp + (all % 1000 * member.ramp + 999) / 1000;
        for (const std::uint64_t position : server_points(member.id, count))
            points.push_back({position, member.id});
    }
    return points;
}

std::vector<std::string> walk_ids(const Snapshot& snapshot, std::uint64_t hash) {
    std::vector<std::string> ids;
    Walk walk(snapshot, hash);
    while (const Member* const member = walk.next()) ids.push_back(member->id);
    return ids;
}

}  // namespace ringway::ring::test
