// Why a key goes where it goes: the points around its hash, and every server in
// order of preference with what speaks against it. For people and tools, not for
// the path of a connection. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ring/snapshot.h"

namespace ringway::ring {

// A point as seen from a hash.
struct SeenPoint {
    std::uint64_t position;
    std::uint64_t distance;  // from the hash, the shorter way round
    bool clockwise;          // reached going up
};

struct ExplainStep {
    const Member* member;            // of the snapshot
    Verdict verdict;                 // the first of the walk that takes is the choice
    std::optional<SeenPoint> point;  // its nearest; none with weight 0 or under Maglev
};

// The first max_steps servers of the walk that every registered server would be in
// if all were online; servers of weight 0 come last, by id. The points of a server that
// is not online are computed anew, and so is the whole of Maglev's table.
std::vector<ExplainStep> explain(const Snapshot& snapshot, std::uint64_t hash,
                                 std::size_t max_steps);

struct NearPoint {
    const Member* member;  // whose point it is
    SeenPoint point;
};

// The first max_points points that are on the ring now, nearest first. None under
// Maglev, which has no points.
std::vector<NearPoint> nearest_points(const Snapshot& snapshot, std::uint64_t hash,
                                      std::size_t max_points);

}  // namespace ringway::ring
