#include "ring/explain.h"

#include <algorithm>
#include <iterator>

#include "ring/points.h"
#include "ring/snapshot_access.h"

namespace ringway::ring {
namespace {

SeenPoint seen_from(std::uint64_t hash, std::uint64_t position) {
    const std::uint64_t up = position - hash;
    const std::uint64_t down = hash - position;
    return {position, std::min(up, down), up <= down};
}

// The order of the walk.
bool nearer(const ExplainStep& a, const ExplainStep& b) {
    if (a.point->distance != b.point->distance) return a.point->distance < b.point->distance;
    if (a.point->clockwise != b.point->clockwise) return a.point->clockwise;
    return a.point->clockwise ? a.member->id < b.member->id : a.member->id > b.member->id;
}

// A server that is not online with the point that would decide its place.
ExplainStep offline_step(const Snapshot& snapshot, const Member& member, std::uint64_t hash) {
    const Verdict verdict = snapshot.verdict(member);
    ExplainStep nearest{&member, verdict, std::nullopt};
    const std::uint32_t count =
        ramped_points(member.weight, snapshot.settings().vnodes, member.ramp);
    for (const std::uint64_t position : server_points(member.id, count)) {
        const ExplainStep step{&member, verdict, seen_from(hash, position)};
        if (!nearest.point || nearer(step, nearest)) nearest = step;
    }
    return nearest;
}

// The nearest point of each step of a walk on a ring. A walk meets its servers at their
// nearest points, so one way along the points passes them all in turn.
void add_points(const Snapshot& snapshot, std::uint64_t hash, std::vector<ExplainStep>& steps) {
    const PointTable& table = SnapshotAccess::table(snapshot);
    PointCursor cursor(table, hash);
    for (ExplainStep& step : steps) {
        while (!step.point) {
            const PointCursor::Step at = cursor.next();
            if (&SnapshotAccess::member(snapshot, table.seat(at.index)) == step.member)
                step.point = SeenPoint{table.position(at.index), at.distance, at.clockwise};
        }
    }
}

// The servers of weight 0 in order of id.
std::vector<ExplainStep> idle_steps(const Snapshot& snapshot) {
    std::vector<ExplainStep> steps;
    for (const Member& member : snapshot.members())
        if (member.weight == 0) steps.push_back({&member, Verdict::weight_zero, std::nullopt});
    return steps;
}

std::vector<ExplainStep> ring_steps(const Snapshot& snapshot, std::uint64_t hash,
                                    std::size_t max_steps) {
    std::vector<ExplainStep> offline;
    for (const Member& member : snapshot.members())
        if (member.weight != 0 && member.points == 0)
            offline.push_back(offline_step(snapshot, member, hash));
    std::sort(offline.begin(), offline.end(), nearer);
    const std::vector<ExplainStep> online = explain(snapshot, hash, max_steps);

    std::vector<ExplainStep> steps(online.size() + offline.size());
    std::merge(online.begin(), online.end(), offline.begin(), offline.end(), steps.begin(), nearer);
    return steps;
}

// The table that would be if all servers were online. Its seats are the members' places.
std::shared_ptr<const MaglevTable> table_of_all(const Snapshot& snapshot) {
    std::vector<MaglevServer> servers;
    for (std::size_t i = 0; i < snapshot.members().size(); ++i) {
        const Member& member = snapshot.members()[i];
        if (member.weight != 0) servers.push_back({member.id, member.weight, static_cast<Seat>(i)});
    }
    return std::make_shared<MaglevTable>(MaglevTable::size_for(snapshot.members().size()), servers);
}

// The walk over that table.
std::vector<ExplainStep> maglev_steps(const Snapshot& snapshot, std::uint64_t hash,
                                      const MaglevTable& table) {
    const auto servers =
        std::ranges::count_if(snapshot.members(), [](const Member& m) { return m.weight != 0; });
    std::vector<ExplainStep> steps;
    std::vector<bool> seen(snapshot.members().size());
    for (MaglevCursor cursor(table, hash); std::ssize(steps) < servers;) {
        const Seat seat = cursor.next();
        if (seen[seat]) continue;
        seen[seat] = true;
        const Member& member = snapshot.members()[seat];
        steps.push_back({&member, snapshot.verdict(member), std::nullopt});
    }
    return steps;
}

// `table`: table_of_all(), made where it is needed and is not there.
std::vector<ExplainStep> steps_if_all_online(const Snapshot& snapshot, std::uint64_t hash,
                                             std::size_t max_steps,
                                             std::shared_ptr<const MaglevTable>& table) {
    const bool all_online =
        std::all_of(snapshot.members().begin(), snapshot.members().end(),
                    [](const Member& member) { return member.weight == 0 || member.points != 0; });
    const bool maglev = snapshot.settings().algorithm == Algorithm::maglev;
    if (maglev && !all_online && !table) table = table_of_all(snapshot);
    std::vector<ExplainStep> steps = all_online ? explain(snapshot, hash, max_steps)
                                     : maglev   ? maglev_steps(snapshot, hash, *table)
                                                : ring_steps(snapshot, hash, max_steps);
    const std::vector<ExplainStep> idle = idle_steps(snapshot);
    steps.insert(steps.end(), idle.begin(), idle.end());
    if (steps.size() > max_steps) steps.resize(max_steps);
    return steps;
}

}  // namespace

std::vector<ExplainStep> explain(const Snapshot& snapshot, std::uint64_t hash,
                                 std::size_t max_steps) {
    std::vector<ExplainStep> steps;
    Walk walk(snapshot, hash);
    while (steps.size() < max_steps) {
        const Member* const member = walk.next();
        if (member == nullptr) break;
        steps.push_back({member, snapshot.verdict(*member), std::nullopt});
    }
    if (snapshot.settings().algorithm == Algorithm::ring) add_points(snapshot, hash, steps);
    return steps;
}

std::vector<ExplainStep> explain_if_all_online(const Snapshot& snapshot, std::uint64_t hash,
                                               std::size_t max_steps) {
    std::shared_ptr<const MaglevTable> table;
    return steps_if_all_online(snapshot, hash, max_steps, table);
}

std::vector<ExplainStep> IfAllOnline::explain(std::uint64_t hash, std::size_t max_steps) {
    return steps_if_all_online(*snapshot_, hash, max_steps, table_);
}

}  // namespace ringway::ring
