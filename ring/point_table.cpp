#include "ring/point_table.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace ringway::ring {
namespace {

constexpr std::size_t unrolled = 4;  // points of a bucket that are looked at without a branch
constexpr std::size_t lead = 8;      // entries before the first: one is needed, eight keep the line
constexpr std::size_t trail = unrolled;

// Buckets by the top byte first, so that what follows stays within a cache.
void partition_by_top_byte(std::vector<Point>& points) {
    std::array<std::size_t, 257> start{};
    for (const Point& point : points) ++start[(point.position >> 56) + 1];
    for (std::size_t i = 1; i < start.size(); ++i) start[i] += start[i - 1];
    std::vector<Point> out(points.size());
    for (const Point& point : points) out[start[point.position >> 56]++] = point;
    points.swap(out);
}

}  // namespace

Geometry Geometry::of(std::size_t points, std::size_t seats) {
    Geometry geometry;
    const auto log2 = [](std::size_t n) {
        return static_cast<std::uint32_t>(std::bit_width(n)) - 1;
    };
    if (seats > 1) geometry.seat_bits = log2(seats - 1) + 1;
    if (points > 1) geometry.bucket_bits = std::max(1U, log2(points));
    if (points > (std::size_t{3} << geometry.bucket_bits) / 2) ++geometry.bucket_bits;
    geometry.bucket_bits = std::max(geometry.bucket_bits, geometry.seat_bits);
    return geometry;
}

PointTable::PointTable(std::size_t size, Geometry geometry)
    : geometry_(geometry),
      bucket_shift_(64 - geometry.bucket_bits),
      seat_mask_((std::uint64_t{1} << geometry.seat_bits) - 1),
      size_(size) {
    const std::size_t entries = lead + size + trail;
    block_ =
        PageBlock(entries * sizeof(std::uint64_t) + (bucket_count() + 1) * sizeof(std::uint32_t));
    entries_ = reinterpret_cast<std::uint64_t*>(block_.data()) + lead;
    starts_ = reinterpret_cast<std::uint32_t*>(entries_ + size + trail);
}

PointTable PointTable::build(std::vector<Point> points, Geometry geometry,
                             std::span<const std::uint32_t> rank) {
    PointTable table(points.size(), geometry);
    constexpr std::size_t fits_a_cache = 1 << 14;
    if (points.size() > fits_a_cache) partition_by_top_byte(points);

    // Counting sort into buckets. While it runs, starts_[b + 1] is where the next
    // point of bucket b goes; at the end that is the start of bucket b + 1.
    std::uint32_t* const next = table.starts_ + 1;
    for (const Point& point : points) ++next[table.bucket(point.position)];
    std::uint32_t sum = 0;
    for (std::size_t b = 0; b < table.bucket_count(); ++b) sum += std::exchange(next[b], sum);
    for (const Point& point : points)
        table.entries_[next[table.bucket(point.position)]++] = table.entry(point);

    for (std::size_t b = 0; b < table.bucket_count(); ++b) table.sort_bucket(b, rank);
    table.finish();
    return table;
}

// By insertion: a bucket holds one or two points on average.
void PointTable::sort_bucket(std::size_t bucket, std::span<const std::uint32_t> rank) {
    for (std::size_t i = starts_[bucket] + std::size_t{1}; i < starts_[bucket + 1]; ++i) {
        const std::uint64_t moving = entries_[i];
        std::size_t hole = i;
        for (; hole > starts_[bucket] && before(moving, entries_[hole - 1], rank); --hole)
            entries_[hole] = entries_[hole - 1];
        entries_[hole] = moving;
    }
}

// The order of two entries of one bucket.
bool PointTable::before(std::uint64_t a, std::uint64_t b,
                        std::span<const std::uint32_t> rank) const {
    const std::uint64_t position_a = a >> geometry_.seat_bits;
    const std::uint64_t position_b = b >> geometry_.seat_bits;
    if (position_a != position_b) return position_a < position_b;
    return rank[a & seat_mask_] < rank[b & seat_mask_];
}

void PointTable::finish() {
    if (size_ == 0) return;
    entries_[-1] = entries_[size_ - 1];
    for (std::size_t i = 0; i < trail; ++i) entries_[size_ + i] = entries_[i % size_];

    // No gap reaches 2^(64 - seat_bits) if every aligned half of that has a point.
    if (geometry_.bucket_bits <= geometry_.seat_bits) return;
    const std::size_t stride = std::size_t{1} << (geometry_.bucket_bits - geometry_.seat_bits - 1);
    dense_ = true;
    for (std::size_t b = 0; b < bucket_count() && dense_; b += stride)
        dense_ = starts_[b] < starts_[b + stride];
}

// A change at one place of the old table: a point goes, or one comes before it.
struct PointTable::Edit {
    std::size_t index;
    std::size_t bucket;
    std::uint64_t entry;
    bool insert;
};

// In order of place; at the same place what comes goes before what leaves.
std::vector<PointTable::Edit> PointTable::edits(std::span<const std::uint8_t> dropped,
                                                std::span<const Point> added,
                                                std::span<const std::uint32_t> rank) const {
    std::vector<Edit> inserts;
    inserts.reserve(added.size());
    for (const Point& point : added) {
        const std::size_t b = bucket(point.position);
        std::size_t i = starts_[b];
        while (i < starts_[b + 1] && before(entries_[i], entry(point), rank)) ++i;
        inserts.push_back({i, b, entry(point), true});
    }
    if (std::find(dropped.begin(), dropped.end(), 1) == dropped.end()) return inserts;

    std::vector<Edit> deletes;
    for (std::size_t i = 0; i < size_; ++i)
        if (dropped[entries_[i] & seat_mask_] != 0) [[unlikely]]
            deletes.push_back({i, bucket_of_point(i), entries_[i], false});

    std::vector<Edit> all(inserts.size() + deletes.size());
    std::merge(inserts.begin(), inserts.end(), deletes.begin(), deletes.end(), all.begin(),
               [](const Edit& a, const Edit& b) { return a.index < b.index; });
    return all;
}

PointTable PointTable::edit(std::span<const std::uint8_t> dropped, std::span<const Point> added,
                            std::span<const std::uint32_t> rank,
                            std::vector<std::vector<std::uint64_t>>& parked) const {
    const std::vector<Edit> changes = edits(dropped, added, rank);
    const std::size_t size = size_ + 2 * added.size() - changes.size();
    PointTable table(size, geometry_);

    std::uint64_t* out = table.entries_;
    std::size_t copied = 0;   // entries of this table that are dealt with
    std::size_t indexed = 0;  // starts that are dealt with
    std::uint32_t shift = 0;  // what a start has grown by, modulo 2^32
    const auto copy_until = [&](std::size_t entry_end, std::size_t start_end) {
        out = std::copy(entries_ + copied, entries_ + entry_end, out);
        copied = entry_end;
        for (; indexed < start_end; ++indexed) table.starts_[indexed] = starts_[indexed] + shift;
    };
    for (const Edit& change : changes) {
        copy_until(change.index, change.bucket + 1);
        if (change.insert) {
            *out++ = change.entry;
            ++shift;
        } else {
            parked[change.entry & seat_mask_].push_back(position_in(change.bucket, change.entry));
            ++copied;
            --shift;
        }
    }
    copy_until(size_, bucket_count() + 1);
    assert(out == table.entries_ + size);
    table.finish();
    return table;
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

std::size_t PointTable::bucket_of_point(std::size_t i) const {
    const std::uint32_t* const after = std::upper_bound(starts_, starts_ + bucket_count() + 1, i);
    return static_cast<std::size_t>(after - starts_) - 1;
}

std::uint64_t PointTable::position(std::size_t i) const {
    return position_in(bucket_of_point(i), entries_[i]);
}

std::size_t PointTable::successor(std::uint64_t hash) const {
    const std::size_t b = bucket(hash);
    const std::size_t begin = starts_[b];
    const std::size_t count = starts_[b + 1] - begin;
    const std::uint64_t target = hash << geometry_.seat_bits;
    const std::uint64_t* const entry = entries_ + begin;
    // How many points of the bucket lie before the hash. Branches that depend on
    // random memory would cost more than comparing a few points too many.
    std::size_t below = 0;
    for (std::size_t i = 0; i < unrolled; ++i)
        below += static_cast<std::size_t>(i < count) & static_cast<std::size_t>(entry[i] < target);
    for (std::size_t i = unrolled; i < count; ++i)
        [[unlikely]] below += static_cast<std::size_t>(entry[i] < target);
    return begin + below;
}

Seat PointTable::nearest(std::uint64_t hash) const {
    assert(size_ != 0);
    const std::size_t above = successor(hash);
    const std::uint64_t up = entries_[above];
    const std::uint64_t down = *(entries_ + above - 1);
    if (dense_) [[likely]] {
        const std::uint64_t target = hash << geometry_.seat_bits;
        const std::uint64_t up_distance = (up & ~seat_mask_) - target;
        const std::uint64_t down_distance = target - (down & ~seat_mask_);
        return static_cast<Seat>((up_distance <= down_distance ? up : down) & seat_mask_);
    }
    const std::uint64_t up_distance = position(above == size_ ? 0 : above) - hash;
    const std::uint64_t down_distance = hash - position(above == 0 ? size_ - 1 : above - 1);
    return static_cast<Seat>((up_distance <= down_distance ? up : down) & seat_mask_);
}

PointCursor::PointCursor(const PointTable& table, std::uint64_t hash)
    : table_(&table), hash_(hash), left_(table.size()) {
    if (left_ == 0) return;
    const std::size_t above = table.successor(hash);
    up_ = above == table.size() ? 0 : above;
    down_ = above == 0 ? table.size() - 1 : above - 1;
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
