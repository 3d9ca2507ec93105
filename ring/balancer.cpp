#include "ring/balancer.h"

#include <algorithm>
#include <array>

#include "ring/batch.h"
#include "ring/points.h"
#include "ring/snapshot_access.h"

namespace ringway::ring {
namespace {

using Positions = std::vector<std::uint64_t>;

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

// The table after a change, from the one before it. Editing copies whole runs, so
// it pays while few points change; a table that outgrows its geometry, or where
// many points change, is built anew. The positions that leave go to left[seat].
std::shared_ptr<const PointTable> table_after(const std::shared_ptr<const PointTable>& old,
                                              const Membership& next, std::vector<Point> added,
                                              std::vector<Positions>& left) {
    const Geometry geometry = Geometry::of(next.capacity, next.seat_end);
    const bool same_geometry = geometry == old->geometry();
    if (same_geometry && added.empty() && next.leaving.empty()) return old;

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
        return std::make_shared<const PointTable>(old->edit(dropped, added, rank, left));
    }
    std::vector<Point> points = staying(*old, dropped, left);
    points.insert(points.end(), added.begin(), added.end());
    return std::make_shared<const PointTable>(PointTable::build(std::move(points), geometry, rank));
}

// The points that left with servers which are still registered.
std::map<std::string, Positions, std::less<>> newly_offline(const Snapshot& base,
                                                            const Membership& next,
                                                            std::vector<Positions>& left) {
    std::map<std::string, Positions, std::less<>> parked;
    for (std::size_t i = 0; i < next.members.size(); ++i) {
        const Member& member = next.members[i];
        if (member.status == Status::online || next.seats[i] >= left.size()) continue;
        Positions& points = left[next.seats[i]];
        if (points.empty()) continue;
        // The seat may have passed to this server from one that is gone.
        const Member* const before = base.find(member.id);
        if (before != nullptr && before->points != 0) parked[member.id] = std::move(points);
    }
    return parked;
}

}  // namespace

Balancer::Balancer(Settings settings) {
    check(settings);
    auto total = settings.balance_factor != 0 ? std::make_shared<Total>() : nullptr;
    current_ = SnapshotAccess::make(
        settings, {}, {}, std::make_shared<const PointTable>(PointTable::build({}, {}, {})),
        std::move(total), 1);
}

void Balancer::register_server(ServerSpec server) {
    apply(std::array<Change, 1>{std::move(server)});
}

void Balancer::unregister_server(std::string_view id) {
    apply(std::array<Change, 1>{Unregister{std::string(id)}});
}

void Balancer::set_status(std::string_view id, Status status) {
    apply(std::array<Change, 1>{SetStatus{std::string(id), status}});
}

void Balancer::apply(std::span<const Change> changes) {
    const std::lock_guard lock(change_mutex_);
    const std::shared_ptr<const Snapshot> base = snapshot();
    Batch batch(*base);
    for (const Change& change : changes) batch.take(change);
    std::optional<Membership> next = batch.result();
    if (!next) return;

    std::vector<Positions> left;
    auto table = table_after(SnapshotAccess::table(*base), *next, points_of(*next), left);
    auto snapshot =
        SnapshotAccess::make(base->settings(), next->members, next->seats, std::move(table),
                             SnapshotAccess::total(*base), base->generation() + 1);

    Parked parked = newly_offline(*base, *next, left);

    // What can fail has been done.
    publish(std::move(snapshot));
    for (const std::size_t i : next->coming) parked_.erase(next->members[i].id);
    for (const std::string& id : next->gone) parked_.erase(id);
    parked_.merge(parked);
}

// The points of the servers that come on.
std::vector<Point> Balancer::points_of(const Membership& next) const {
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
        const auto parked = parked_.find(member.id);
        if (parked != parked_.end() && parked->second.size() == member.points)
            add(parked->second);
        else
            add(server_points(member.id, member.points));
    }
    return points;
}

void Balancer::publish(std::shared_ptr<const Snapshot> next) {
    const std::uint64_t generation = next->generation();
    const std::lock_guard lock(publish_mutex_);
    current_.swap(next);
    generation_.store(generation, std::memory_order_release);
}

std::optional<std::string> Balancer::server_for_key(std::string_view key) const {
    const auto state = snapshot();
    const Member* const member = state->owner(state->hash(key));
    return member != nullptr ? std::optional(member->id) : std::nullopt;
}

std::optional<Status> Balancer::server_status(std::string_view id) const {
    const auto state = snapshot();
    const Member* const member = state->find(id);
    return member != nullptr ? std::optional(member->status) : std::nullopt;
}

std::shared_ptr<const Snapshot> Balancer::snapshot() const {
    const std::lock_guard lock(publish_mutex_);
    return current_;
}

Reader::Reader(const Balancer& balancer) : balancer_(&balancer) {
    refresh();
}

void Reader::refresh() {
    snapshot_ = balancer_->snapshot();
    generation_ = snapshot_->generation();
}

}  // namespace ringway::ring
