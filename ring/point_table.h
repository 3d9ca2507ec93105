// The points of a ring in rising order, with an index by position. Internal to
// the library: users see Snapshot and Walk. Immutable once made: any thread may
// call const members without locking.
//
// Serves walks, and lookups that ArcLines cannot decide. Layout:
//   1. A point is one 64-bit entry, `position << seat_bits | seat`: its owner comes
//      in the same cache line as its position. The bits of the position that fall
//      off the top are implied by its neighbourhood.
//   2. The top bucket_bits of a position name its bucket, of about four points. A
//      bucket begins at bases_[b / 16] + offsets_[b]: 1.25 bytes a bucket, so that the
//      index stays in a cache near the core. Where hand-made points crowd so that a
//      byte cannot count them, starts_ holds the whole numbers instead.
//   3. bucket_bits >= seat_bits: entries of one bucket compare as positions do, and
//      bucket and entry give the position back.
//   4. In a *dense* table any 8 points in a row span less than 2^(63 - seat_bits):
//      differences of entries are exact distances, and entries beyond a bucket's end
//      compare right as well. Rings with few points a server are not dense; they
//      take the slow way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ring/page_block.h"

namespace ringway::ring {

// A seat is the number of a server within a table. It stays the same while the
// server is registered, so that a change need not rewrite the points of others.
using Seat = std::uint32_t;

struct Point {
    std::uint64_t position;
    Seat seat;
};

// How the bits of a table are divided.
struct Geometry {
    std::uint32_t bucket_bits = 1;
    std::uint32_t seat_bits = 1;
    // For a ring that may grow to `points` points (at most 2^24) of `seats` servers.
    // Depends on what is registered, not on what is online, so that a flip never
    // changes it: 3 to 6 points a bucket when all are online.
    static Geometry of(std::size_t points, std::size_t seats);
    bool operator==(const Geometry&) const = default;
};

class PointTable {
public:
    // From points in any order. Points at the same position lie in the order of
    // rank[seat], which is the order of their servers' ids.
    static PointTable build(std::vector<Point> points, Geometry geometry,
                            std::span<const std::uint32_t> rank);

    // This table without the points of the seats marked in `dropped` and with the
    // points `added`, sorted by position and rank. Neither hashes nor sorts, and
    // copies whole runs; for changes that touch few points. Same geometry. The
    // dropped points' positions go to parked[seat], in rising order. Nothing where
    // the points crowd so that a table must be built anew.
    std::optional<PointTable> edit(std::span<const std::uint8_t> dropped,
                                   std::span<const Point> added,
                                   std::span<const std::uint32_t> rank,
                                   std::vector<std::vector<std::uint64_t>>& parked) const;

    // All points, in order.
    std::vector<Point> points() const;

    std::size_t size() const { return size_; }
    Geometry geometry() const { return geometry_; }
    // Memory of points and index.
    std::size_t bytes() const { return block_.bytes(); }

    // The seat of the point nearest to `hash`. At least one point.
    Seat nearest(std::uint64_t hash) const;
    // The last point below a position, and the first above it, on the circle. At
    // least one point.
    Point before(std::uint64_t position) const;
    Point after(std::uint64_t position) const;
    // Whether the fast paths apply.
    bool is_dense() const { return dense_; }

    // Of the point with index i < size().
    Seat seat(std::size_t i) const { return static_cast<Seat>(entries_[i] & seat_mask_); }
    std::uint64_t position(std::size_t i) const;
    // In a dense table: from that point up to the next on the circle.
    std::uint64_t gap(std::size_t i) const {
        return ((entries_[i + 1] | seat_mask_) - (entries_[i] | seat_mask_)) >> geometry_.seat_bits;
    }

private:
    friend class PointCursor;
    friend class PointReader;
    struct Edit;

    PointTable(std::size_t size, Geometry geometry);
    std::uint64_t entry(const Point& point) const {
        return point.position << geometry_.seat_bits | point.seat;
    }
    std::size_t bucket(std::uint64_t hash) const { return hash >> bucket_shift_; }
    std::size_t bucket_count() const { return std::size_t{1} << geometry_.bucket_bits; }
    // The index of the first point of bucket b; b may be bucket_count().
    std::size_t start(std::size_t b) const {
        return starts_.empty() ? bases_[b / group] + std::size_t{offsets_[b]} : starts_[b];
    }
    std::size_t successor(std::uint64_t hash) const;
    const std::uint64_t* successor_if_dense(std::uint64_t hash) const;
    std::size_t bucket_of_point(std::size_t i) const;
    std::uint64_t position_in(std::size_t bucket, std::uint64_t entry) const;
    bool before(std::uint64_t a, std::uint64_t b, std::span<const std::uint32_t> rank) const;

    // While a table is made.
    void sort_run(std::size_t begin, std::size_t end, std::span<const std::uint32_t> rank);
    void set_starts(std::vector<std::uint32_t> starts);
    std::vector<Edit> edits(std::span<const std::uint8_t> dropped, std::span<const Point> added,
                            std::span<const std::uint32_t> rank) const;
    bool offsets_hold(std::span<const Edit> edits) const;
    void copy_index(const PointTable& old, std::span<const Edit> edits);
    void finish();
    bool every_cell_has(std::size_t points, std::size_t cells) const;
    bool spans_are_short() const;

    static constexpr std::size_t group = 16;  // buckets that share a base
    static constexpr std::size_t window = 8;  // entries in a row that compare right if dense
    static constexpr std::size_t lead = 8;    // room before the first entry: one line

    Geometry geometry_;
    std::uint32_t bucket_shift_ = 63;
    bool dense_ = false;
    std::uint64_t seat_mask_ = 1;
    std::size_t size_ = 0;
    PageBlock block_;
    // In block_. entries_[-1] repeats the last point, and after entries_[size_ - 1]
    // the first ones come again: a lookup needs no test for the ends.
    std::uint64_t* entries_ = nullptr;
    std::uint32_t* bases_ = nullptr;
    std::uint8_t* offsets_ = nullptr;
    std::vector<std::uint32_t> starts_;  // empty but for crowds
};

// Reads the points of a table in order. Keeps a reference to it. One thread.
class PointReader {
public:
    explicit PointReader(const PointTable& table) : table_(&table) {}
    // From the first point at or above `position`.
    PointReader(const PointTable& table, std::uint64_t position)
        : table_(&table), bucket_(table.bucket(position)), index_(table.successor(position)) {}
    bool done() const { return index_ == table_->size(); }
    // The next point; not when done.
    Point next() {
        while (table_->start(bucket_ + 1) <= index_) ++bucket_;
        const std::size_t i = index_++;
        return {table_->position_in(bucket_, table_->entries_[i]), table_->seat(i)};
    }
    // The same, and after the last point the first. At least one point.
    Point next_around() {
        if (done()) *this = PointReader(*table_);
        return next();
    }

private:
    const PointTable* table_;
    std::size_t bucket_ = 0;
    std::size_t index_ = 0;
};

// Reads all points of a table in order, without a look at its index where it is dense.
// Keeps a reference to it. One thread.
class PointScan {
public:
    // At least one point.
    explicit PointScan(const PointTable& table)
        : table_(&table), slow_(table), position_(table.position(0)) {}
    bool done() const { return index_ == table_->size(); }
    // The next point; not when done.
    Point next() {
        if (!table_->is_dense()) {
            ++index_;
            return slow_.next();
        }
        const Point point{position_, table_->seat(index_)};
        position_ += table_->gap(index_++);
        return point;
    }

private:
    const PointTable* table_;
    PointReader slow_;
    std::uint64_t position_;
    std::size_t index_ = 0;
};

// Visits the points of a table outward from a hash, nearest first, each once; at
// equal distance clockwise first. Keeps a reference to the table. One thread.
class PointCursor {
public:
    PointCursor(const PointTable& table, std::uint64_t hash);

    struct Step {
        std::uint64_t distance;
        std::size_t index;  // of the point in the table
        bool clockwise;     // reached going up
    };

    bool done() const { return left_ == 0; }
    // The next point; not when done.
    Step next();

private:
    std::uint64_t distance_up(std::size_t from) const;
    std::uint64_t distance_down(std::size_t from) const;

    const PointTable* table_;
    std::uint64_t hash_;
    std::size_t left_;
    std::size_t up_ = 0;  // index of the next point in each direction, and how far it is
    std::size_t down_ = 0;
    std::uint64_t up_distance_ = 0;
    std::uint64_t down_distance_ = 0;
};

}  // namespace ringway::ring
