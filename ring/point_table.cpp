#include "ring/point_table.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace ringway::ring {
namespace {

constexpr std::uint32_t log2_of(std::size_t n) {
    return static_cast<std::uint32_t>(std::bit_width(n)) - 1;
}

constexpr std::size_t round_to_line(std::size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

}  // namespace

Geometry Geometry::of(std::size_t points, std::size_t seats) {
    Geometry geometry;
    if (seats > 1) geometry.seat_bits = log2_of(seats - 1) + 1;
    const std::size_t buckets = std::max<std::size_t>(2, points / 4);
    geometry.bucket_bits = log2_of(buckets);
    if (buckets > (std::size_t{3} << geometry.bucket_bits) / 2) ++geometry.bucket_bits;
    geometry.bucket_bits = std::max(geometry.bucket_bits, geometry.seat_bits);
    return geometry;
}

PointTable::PointTable(std::size_t size, Geometry geometry)
    : geometry_(geometry),
      bucket_shift_(64 - geometry.bucket_bits),
      seat_mask_((std::uint64_t{1} << geometry.seat_bits) - 1),
      size_(size) {
    // The index first: it is what gains most from a huge page.
    const std::size_t bases = round_to_line((bucket_count() / group + 1) * sizeof(std::uint32_t));
    const std::size_t offsets = round_to_line(bucket_count() + 1);
    block_ = PageBlock(bases + offsets + (lead + size + window) * sizeof(std::uint64_t));
    bases_ = reinterpret_cast<std::uint32_t*>(block_.data());
    offsets_ = reinterpret_cast<std::uint8_t*>(block_.data() + bases);
    entries_ = reinterpret_cast<std::uint64_t*>(block_.data() + bases + offsets) + lead;
}

std::vector<Point> PointTable::points() const {
    std::vector<Point> points;
    points.reserve(size_);
    for (PointReader reader(*this); !reader.done();) points.push_back(reader.next());
    return points;
}

std::uint64_t PointTable::position_in(std::size_t bucket, std::uint64_t entry) const {
    const std::uint64_t low = entry >> geometry_.seat_bits;
    const std::uint64_t low_mask = (std::uint64_t{1} << bucket_shift_) - 1;
    return std::uint64_t{bucket} << bucket_shift_ | (low & low_mask);
}

// By bisection: only slow paths call this.
std::size_t PointTable::bucket_of_point(std::size_t i) const {
    std::size_t low = 0;
    for (std::size_t step = bucket_count() / 2; step != 0; step /= 2)
        if (start(low + step) <= i) low += step;
    return low;
}

std::uint64_t PointTable::position(std::size_t i) const {
    return position_in(bucket_of_point(i), entries_[i]);
}

// The index of the first point at or after `hash`; size() where that is the first
// point of all, beyond the top.
std::size_t PointTable::successor(std::uint64_t hash) const {
    if (dense_) return static_cast<std::size_t>(successor_if_dense(hash) - entries_);
    const std::size_t b = bucket(hash);
    const std::uint64_t target = hash << geometry_.seat_bits;
    std::size_t i = start(b);
    for (const std::size_t end = start(b + 1); i < end && entries_[i] < target;) ++i;
    return i;
}

// Halves a window without any branch that depends on the points.
const std::uint64_t* PointTable::successor_if_dense(std::uint64_t hash) const {
    const std::size_t b = bucket(hash);
    const std::uint64_t* const begin = entries_ + bases_[b / group] + offsets_[b];
    const std::uint64_t target = hash << geometry_.seat_bits;
    const auto is_below = [target](std::uint64_t entry) {
        return static_cast<std::int64_t>(entry - target) < 0;
    };
    static_assert(window == 8);
    const std::uint64_t* entry = begin;
    entry += is_below(entry[3]) ? 4 : 0;
    entry += is_below(entry[1]) ? 2 : 0;
    entry += is_below(entry[0]) ? 1 : 0;
    while (entry >= begin + window - 1 && is_below(*entry)) ++entry;
    return entry;
}

Seat PointTable::nearest(std::uint64_t hash) const {
    assert(size_ != 0);
    if (dense_) {
        const std::uint64_t* const above = successor_if_dense(hash);
        // The distances, times 2^seat_bits, but for the seats in the low bits: those
        // must not decide between equal distances.
        const std::uint64_t target = hash << geometry_.seat_bits;
        const std::uint64_t up = (above[0] & ~seat_mask_) - target;
        const std::uint64_t down = target - (above[-1] & ~seat_mask_);
        return static_cast<Seat>(above[up <= down ? 0 : -1] & seat_mask_);
    }
    const std::size_t above = successor(hash);
    const std::size_t up = above == size_ ? 0 : above;
    const std::size_t down = above == 0 ? size_ - 1 : above - 1;
    return seat(position(up) - hash <= hash - position(down) ? up : down);
}

Point PointTable::before(std::uint64_t position) const {
    std::size_t b = bucket(position), i = successor(position);
    if (i == 0) {
        b = bucket_count() - 1;
        i = size_;
    }
    --i;
    while (start(b) > i) --b;
    return {position_in(b, entries_[i]), seat(i)};
}

Point PointTable::after(std::uint64_t position) const {
    return PointReader(*this, position + 1).next_around();
}

PointCursor::PointCursor(const PointTable& table, std::uint64_t hash)
    : table_(&table), hash_(hash), left_(table.size()) {
    if (left_ == 0) return;
    const std::size_t above = table.successor(hash);
    up_ = above == table.size() ? 0 : above;
    down_ = above == 0 ? table.size() - 1 : above - 1;
    if (table.dense_) {
        const std::uint64_t target = hash << table.geometry_.seat_bits;
        const std::uint64_t seats = table.seat_mask_;
        up_distance_ = ((table.entries_[up_] & ~seats) - target) >> table.geometry_.seat_bits;
        down_distance_ = (target - (table.entries_[down_] & ~seats)) >> table.geometry_.seat_bits;
        return;
    }
    up_distance_ = table.position(up_) - hash;
    down_distance_ = hash - table.position(down_);
}

PointCursor::Step PointCursor::next() {
    assert(left_ != 0);
    --left_;
    if (up_distance_ <= down_distance_) {
        const Step step{up_distance_, up_, true};
        up_distance_ = distance_up(up_);
        up_ = up_ + 1 == table_->size() ? 0 : up_ + 1;
        return step;
    }
    const Step step{down_distance_, down_, false};
    down_distance_ = distance_down(down_);
    down_ = down_ == 0 ? table_->size() - 1 : down_ - 1;
    return step;
}

// The distance of the point after `from`, going up.
std::uint64_t PointCursor::distance_up(std::size_t from) const {
    const PointTable& table = *table_;
    if (!table.dense_) return table.position(from + 1 == table.size_ ? 0 : from + 1) - hash_;
    const std::uint64_t gap =
        (table.entries_[from + 1] & ~table.seat_mask_) - (table.entries_[from] & ~table.seat_mask_);
    return up_distance_ + (gap >> table.geometry_.seat_bits);
}

std::uint64_t PointCursor::distance_down(std::size_t from) const {
    const PointTable& table = *table_;
    if (!table.dense_) return hash_ - table.position(from == 0 ? table.size_ - 1 : from - 1);
    const std::uint64_t below = *(table.entries_ + from - 1);
    const std::uint64_t gap =
        (table.entries_[from] & ~table.seat_mask_) - (below & ~table.seat_mask_);
    return down_distance_ + (gap >> table.geometry_.seat_bits);
}

}  // namespace ringway::ring
