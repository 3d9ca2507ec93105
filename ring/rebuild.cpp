#include "ring/rebuild.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "ring/points.h"
#include "ring/snapshot_access.h"

namespace ringway::ring {
namespace {

// The points of the servers that come on.
std::vector<Point> coming_points(const Membership& next, const PositionsById& parked) {
    std::size_t count = 0;
    for (const std::size_t i : next.coming) count += next.members[i].points;
    std::vector<Point> points;
    points.reserve(count);
    for (const std::size_t i : next.coming) {
        const Member& member = next.members[i];
        const auto add = [&](const Positions& positions) {
            for (const std::uint64_t position : positions)
                points.push_back({position, next.seats[i]});
        };
        const auto known = parked.find(member.id);
        if (known != parked.end() && known->second.size() == member.points)
            add(known->second);
        else
            add(server_points(member.id, member.points));
    }
    return points;
}

// For each seat, the place of its server among the ids.
std::vector<std::uint32_t> ranks(const Membership& next) {
    std::vector<std::uint32_t> rank(next.seat_end);
    for (std::size_t i = 0; i < next.seats.size(); ++i)
        rank[next.seats[i]] = static_cast<std::uint32_t>(i);
    return rank;
}

// The points of `old` that stay; the positions of the others go to left[seat].
std::vector<Point> staying(const PointTable& old, std::span<const std::uint8_t> dropped,
                           std::vector<Positions>& left) {
    std::vector<Point> points = old.points();
    std::erase_if(points, [&](const Point& point) {
        if (dropped[point.seat] == 0) return false;
        left[point.seat].push_back(point.position);
        return true;
    });
    return points;
}

// The points after a change.
struct Table {
    std::shared_ptr<const PointTable> points;
    // Where points were added or dropped, in rising order; nothing if all were placed anew.
    std::optional<Positions> changed;
};

// The table after a change, from the one before it. Editing copies whole runs, so
// it pays while few points change; a table that outgrows its geometry, or where
// many points change, is built anew. The positions that leave go to left[seat].
Table table_after(const std::shared_ptr<const PointTable>& old, const Membership& next,
                  std::vector<Point> added, std::vector<Positions>& left) {
    const Geometry geometry = Geometry::of(next.capacity, next.seat_end);
    const bool same_geometry = geometry == old->geometry();
    if (same_geometry && added.empty() && next.leaving.empty()) return {old, Positions()};

    std::vector<std::uint8_t> dropped(std::size_t{1} << old->geometry().seat_bits);
    for (const Seat seat : next.leaving) dropped[seat] = 1;
    left.resize(dropped.size());
    const std::vector<std::uint32_t> rank = ranks(next);

    const std::size_t average = old->size() / std::max<std::size_t>(1, next.members.size());
    const std::size_t changes = added.size() + next.leaving.size() * average;
    if (same_geometry && changes < old->size() / 8) {
        std::sort(added.begin(), added.end(), [&](const Point& a, const Point& b) {
            return std::pair(a.position, rank[a.seat]) < std::pair(b.position, rank[b.seat]);
        });
        if (auto table = old->edit(dropped, added, rank, left)) {
            Positions changed;
            for (const Point& point : added) changed.push_back(point.position);
            for (const Seat seat : next.leaving)
                changed.insert(changed.end(), left[seat].begin(), left[seat].end());
            std::sort(changed.begin(), changed.end());
            return {std::make_shared<const PointTable>(std::move(*table)), std::move(changed)};
        }
    }
    std::vector<Point> points = staying(*old, dropped, left);
    points.insert(points.end(), added.begin(), added.end());
    return {
        std::make_shared<const PointTable>(PointTable::build(std::move(points), geometry, rank)),
        std::nullopt};
}

// The arcs of a table that was derived from the one whose arcs are `old`.
std::shared_ptr<const ArcLines> arcs_after(const std::shared_ptr<const ArcLines>& old,
                                           const Table& table, std::size_t capacity) {
    const std::size_t count = ArcLines::count_for(capacity);
    if (!table.changed || count != old->count())
        return std::make_shared<const ArcLines>(*table.points, count);
    if (table.changed->empty()) return old;
    return std::make_shared<const ArcLines>(old->edit(*table.points, *table.changed));
}

// Maglev's table after a change: as it was, or made anew. Its entries count as points.
std::shared_ptr<const MaglevTable> maglev_after(const std::shared_ptr<const MaglevTable>& old,
                                                Membership& next) {
    std::vector<MaglevServer> servers;
    std::vector<Member*> by_seat(next.seat_end);
    for (std::size_t i = 0; i < next.members.size(); ++i) {
        Member& member = next.members[i];
        by_seat[next.seats[i]] = &member;
        if (member.points == 0) continue;
        servers.push_back({member.id, member.weight, next.seats[i]});
        member.points = 0;
    }
    const std::size_t size = MaglevTable::size_for(next.members.size());
    auto table = old;
    if (size != old->size() || !next.coming.empty() || !next.leaving.empty())
        table = std::make_shared<const MaglevTable>(size, servers);
    for (std::size_t i = 0; i < size && !servers.empty(); ++i) ++by_seat[table->seat(i)]->points;
    return table;
}

// The points that left with servers which are still registered.
PositionsById newly_offline(const Snapshot& base, const Membership& next,
                            std::vector<Positions>& left) {
    PositionsById parked;
    for (std::size_t i = 0; i < next.members.size(); ++i) {
        const Member& member = next.members[i];
        if (member.status == Status::online || next.seats[i] >= left.size()) continue;
        Positions& points = left[next.seats[i]];
        if (points.empty()) continue;
        // The seat may have belonged to a server that was removed.
        const Member* const before = base.find(member.id);
        if (before != nullptr && before->points != 0) parked[member.id] = std::move(points);
    }
    return parked;
}

}  // namespace

Placement empty_placement(Algorithm algorithm) {
    if (algorithm == Algorithm::maglev)
        return {nullptr, nullptr, std::make_shared<const MaglevTable>(MaglevTable::size_for(0))};
    auto points = std::make_shared<const PointTable>(PointTable::build({}, {}, {}));
    auto arcs = std::make_shared<const ArcLines>(*points, ArcLines::count_for(0));
    return {std::move(points), std::move(arcs), nullptr};
}

Rebuilt rebuild(const Snapshot& base, Membership& next, const PositionsById& parked) {
    const Placement& old = SnapshotAccess::placement(base);
    if (old.maglev) return {{nullptr, nullptr, maglev_after(old.maglev, next)}, {}};
    std::vector<Positions> left;
    Table table = table_after(old.ring, next, coming_points(next, parked), left);
    auto arcs = arcs_after(old.arcs, table, next.capacity);
    return {{std::move(table.points), std::move(arcs), nullptr}, newly_offline(base, next, left)};
}

}  // namespace ringway::ring
