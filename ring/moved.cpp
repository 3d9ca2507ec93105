// KeyMoves::moved without the list of moves: the points that two states of a ring have in common
// are skipped, and only what lies between two of them is looked at. Maglev's tables are compared
// entry by entry.
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "ring/analysis.h"
#include "ring/border.h"
#include "ring/snapshot_access.h"

namespace ringway::ring {
namespace {

__extension__ using Wide = unsigned __int128;

// One value for each of the two rings.
struct Pair {
    const Snapshot& before;
    const Snapshot& after;
    // Per seat of `before`, the seat of the same server in `after`.
    std::vector<Seat> twins;
};

constexpr Seat nobody = ~Seat{0};

Pair pair_of(const Snapshot& before, const Snapshot& after) {
    const std::vector<Seat>& seats = SnapshotAccess::seats(before);
    const auto highest = std::max_element(seats.begin(), seats.end());
    Pair pair{before, after, std::vector<Seat>(highest == seats.end() ? 0 : *highest + 1, nobody)};
    for (std::size_t i = 0; i < seats.size(); ++i) {
        const Member* const twin = after.find(before.members()[i].id);
        if (twin == nullptr) continue;
        const auto index = static_cast<std::size_t>(twin - after.members().data());
        pair.twins[seats[i]] = SnapshotAccess::seats(after)[index];
    }
    return pair;
}

// Of the hashes above the first of these points and up to the last: `begin` is counted from the
// first point's position.
struct Stretch {
    std::uint64_t begin;
    Seat owner;
};

// Positions rise from the first point to the last, but those of points at one place.
std::vector<Stretch> stretches(std::span<const Point> points) {
    const std::uint64_t origin = points.front().position;
    std::vector<Stretch> all;
    Point last = points.front();
    for (std::size_t i = 0; i < points.size(); ++i) {
        const Point& next = points[i];
        if (next.position != last.position) {
            // What is above the group below, and what is below this one.
            all.push_back({last.position + 1 - origin, last.seat});
            all.push_back({border(last.position, next.position) - origin, next.seat});
        }
        last = next;
    }
    return all;
}

// How many of these hashes change hands. Both begin and end with the same point.
Wide moved_between(const Pair& pair, std::span<const Point> before, std::span<const Point> after) {
    const auto old = stretches(before);
    const auto now = stretches(after);
    const Wide end = Wide{before.back().position - before.front().position} + 1;
    Wide moved = 0;
    std::size_t i = 0, j = 0;
    for (Wide begin = 1; begin < end;) {
        // Of several that begin at one hash the last has it.
        while (i + 1 < old.size() && old[i + 1].begin <= begin) ++i;
        while (j + 1 < now.size() && now[j + 1].begin <= begin) ++j;
        const Wide old_end = i + 1 < old.size() ? old[i + 1].begin : end;
        const Wide now_end = j + 1 < now.size() ? now[j + 1].begin : end;
        const Wide next = std::min(old_end, now_end);
        if (pair.twins[old[i].owner] != now[j].owner) moved += next - begin;
        begin = next;
    }
    return moved;
}

// The points of one ring between two that both rings have.
using Points = std::vector<Point>;

Points joined(std::initializer_list<std::span<const Point>> parts) {
    Points all;
    for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

// A point that both rings have, as each has it.
struct Common {
    Point old;
    Point now;
};

// Nothing where the two have less than two places in common: the whole is another then.
std::optional<Wide> moved_on_ring(const Pair& pair) {
    PointScan old(SnapshotAccess::table(pair.before));
    PointScan now(SnapshotAccess::table(pair.after));
    std::optional<Common> first, last;
    Points old_head, now_head;    // before the first
    Points old_since, now_since;  // since the last
    Wide moved = 0;
    const auto meet = [&](const Common& next) {
        if (!first) {
            first = next;
            old_head = std::exchange(old_since, {});
            now_head = std::exchange(now_since, {});
        } else {
            moved += moved_between(pair, joined({{&last->old, 1}, old_since, {&next.old, 1}}),
                                   joined({{&last->now, 1}, now_since, {&next.now, 1}}));
            old_since.clear();
            now_since.clear();
        }
    };
    while (!old.done() && !now.done()) {
        Point a = old.next();
        Point b = now.next();
        // Those that only one has, the lower first.
        while (a.position != b.position || pair.twins[a.seat] != b.seat) {
            const bool is_old = a.position < b.position || (a.position == b.position && now.done());
            (is_old ? old_since : now_since).push_back(is_old ? a : b);
            if ((is_old ? old : now).done()) {
                (is_old ? now_since : old_since).push_back(is_old ? b : a);
                break;
            }
            (is_old ? a : b) = (is_old ? old : now).next();
        }
        const bool is_common = a.position == b.position && pair.twins[a.seat] == b.seat;
        if (!is_common) break;
        if (!first || !old_since.empty() || !now_since.empty()) meet({a, b});
        last = {a, b};
    }
    while (!old.done()) old_since.push_back(old.next());
    while (!now.done()) now_since.push_back(now.next());
    if (!first || first->old.position == last->old.position) return std::nullopt;
    // Over the top of the circle to the first.
    return moved + moved_between(pair,
                                 joined({{&last->old, 1}, old_since, old_head, {&first->old, 1}}),
                                 joined({{&last->now, 1}, now_since, now_head, {&first->now, 1}}));
}

// Of two tables of one size: their entries have the same hashes.
Wide moved_on_tables(const Pair& pair) {
    const MaglevTable& old = *SnapshotAccess::placement(pair.before).maglev;
    const MaglevTable& now = *SnapshotAccess::placement(pair.after).maglev;
    MaglevWidths widths(old.size());
    Wide moved = 0;
    for (std::size_t i = 0; i < old.size(); ++i) {
        const std::uint64_t width = widths.next();
        if (pair.twins[old.seat(i)] != now.seat(i)) moved += width;
    }
    return moved;
}

// Nothing where the two have too little in common.
std::optional<Wide> hashes_moved(const Snapshot& before, const Snapshot& after) {
    const Placement& old = SnapshotAccess::placement(before);
    const Placement& now = SnapshotAccess::placement(after);
    if (old.ring && now.ring) return moved_on_ring(pair_of(before, after));
    if (old.maglev && now.maglev && old.maglev->size() == now.maglev->size())
        return moved_on_tables(pair_of(before, after));
    return std::nullopt;
}

bool same_hash(const Settings& a, const Settings& b) {
    return a.key_hash == b.key_hash && a.seed == b.seed;
}

}  // namespace

double moved(const Snapshot& before, const Snapshot& after) {
    if (same_hash(before.settings(), after.settings()) && before.point_count() != 0 &&
        after.point_count() != 0) {
        const auto hashes = hashes_moved(before, after);
        if (hashes) return std::ldexp(static_cast<double>(*hashes), -64);
    }
    return key_moves(before, after).moved;
}

}  // namespace ringway::ring
