// The circle of hashes cut into arcs of one owner each. Internal to the library.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "ring/snapshot.h"

namespace ringway::ring {

// From `begin` to the next arc's begin, or to the top.
struct Arc {
    std::uint64_t begin;
    const Member* owner;  // nullptr where no server is on the ring
};

// Reads the arcs of a snapshot from hash 0 up, without gaps; the first begins at 0.
// No arc is empty, and neighbours may have the same owner. The snapshot must
// outlive it. One thread.
class ArcReader {
public:
    explicit ArcReader(const Snapshot& snapshot);

    // The next arc, or nothing after the last.
    std::optional<Arc> next();

private:
    // The points at one position. The first owns what is below, the last what is above.
    struct Group {
        std::uint64_t position;
        Seat first;
        Seat last;
    };

    Group read_group();
    void start();
    void step();
    void push(std::uint64_t begin, Seat owner);
    std::optional<Arc> next_entry();

    const Snapshot& snapshot_;
    std::size_t entry_ = 0;  // under Maglev: the next
    // On a ring.
    std::optional<PointReader> reader_;
    std::optional<Point> ahead_;  // read, but of no group yet
    Group first_{}, group_{};
    std::uint64_t seam_ = 0;  // where the first group takes over from the last
    bool ended_ = false;
    std::array<Arc, 3> ready_{};  // made, but not yet read
    std::size_t ready_begin_ = 0, ready_end_ = 0;
};

}  // namespace ringway::ring
