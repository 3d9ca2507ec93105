// The points of a ring in rising order, with an index by position. Internal to
// the library: users see Snapshot and Walk. Immutable once made: any thread may
// call const members without locking.
//
// Layout. A point is one 64-bit entry, `position << seat_bits | seat`: its owner
// comes in the same cache line as its position, and a point costs 8 bytes. The
// bits of the position that fall off the top are implied by its neighbourhood:
//   1. The top bucket_bits of a position name its bucket; starts_[b] is the index
//      of the first point of bucket b. bucket_bits >= seat_bits, so entries of one
//      bucket compare as positions do, and bucket and entry give the position back.
//   2. In a *dense* table every gap between neighbours is less than
//      2^(64 - seat_bits), so that differences of entries are exact distances.
//      Only tiny rings are not dense; they take the slow way.
#pragma once

#include <cstddef>
#include <cstdint>
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
    // changes it: 0.75 to 1.5 points a bucket when all are online.
    static Geometry of(std::size_t points, std::size_t seats);
    bool operator==(const Geometry&) const = default;
};

class PointTable {
public:
    PointTable() = default;

    // From points in any order. Points at the same position lie in the order of
    // rank[seat], which is the order of their servers' ids.
    static PointTable build(std::vector<Point> points, Geometry geometry,
                            std::span<const std::uint32_t> rank);

    // This table without the points of the seats marked in `dropped` and with the
    // points `added`, sorted by position and rank. Neither hashes nor sorts, and
    // copies whole runs; for changes that touch few points. Same geometry. The
    // dropped points' positions go to parked[seat], in rising order.
    PointTable edit(std::span<const std::uint8_t> dropped, std::span<const Point> added,
                    std::span<const std::uint32_t> rank,
                    std::vector<std::vector<std::uint64_t>>& parked) const;

    // All points, in order.
    std::vector<Point> points() const;

    std::size_t size() const { return size_; }
    Geometry geometry() const { return geometry_; }
    // Memory of points and index.
    std::size_t bytes() const { return block_.bytes(); }

    // The index of the first point at or after `hash`; size() where that is the
    // first point of all, beyond the top.
    std::size_t successor(std::uint64_t hash) const;

    // The seat of the point nearest to `hash`. At least one point.
    Seat nearest(std::uint64_t hash) const;

    // Of the point with index i < size().
    Seat seat(std::size_t i) const { return static_cast<Seat>(entries_[i] & seat_mask_); }
    std::uint64_t position(std::size_t i) const;

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
    std::size_t bucket_of_point(std::size_t i) const;
    std::uint64_t position_in(std::size_t bucket, std::uint64_t entry) const;
    bool before(std::uint64_t a, std::uint64_t b, std::span<const std::uint32_t> rank) const;
    void sort_bucket(std::size_t bucket, std::span<const std::uint32_t> rank);
    std::vector<Edit> edits(std::span<const std::uint8_t> dropped, std::span<const Point> added,
                            std::span<const std::uint32_t> rank) const;
    // Sets what follows from entries and starts.
    void finish();

    Geometry geometry_;
    std::uint32_t bucket_shift_ = 63;
    bool dense_ = false;
    std::uint64_t seat_mask_ = 1;
    std::size_t size_ = 0;
    PageBlock block_;
    // In block_. entries_[-1] repeats the last point and entries_[size_] the first,
    // and a few more may be read, so that a lookup needs no test for the ends.
    std::uint64_t* entries_ = nullptr;
    std::uint32_t* starts_ = nullptr;  // bucket_count() + 1 of them
};

// Reads the points of a table in order. Keeps a reference to it. One thread.
class PointReader {
public:
    explicit PointReader(const PointTable& table) : table_(&table) {}
    bool done() const { return index_ == table_->size(); }
    // The next point; not when done.
    Point next() {
        while (table_->starts_[bucket_ + 1] <= index_) ++bucket_;
        const std::size_t i = index_++;
        return {table_->position_in(bucket_, table_->entries_[i]), table_->seat(i)};
    }

private:
    const PointTable* table_;
    std::size_t bucket_ = 0;
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
