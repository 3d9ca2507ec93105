// Explains the placement of a key: the walk that a connection takes, with the verdict of each
// server, and the walk that would be taken if all servers were online. For people and tools, not
// for the path of a connection. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
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
    Verdict verdict;                 // of one more connection, now
    std::optional<SeenPoint> point;  // its nearest; none with weight 0 or under Maglev
};

// The first max_steps servers of the Walk of this snapshot, on which Snapshot::pick places
// connections: it takes the first whose verdict is `takes`. Servers that are not on the ring
// or on Maglev's table (offline, draining, weight 0) are on no walk.
std::vector<ExplainStep> explain(const Snapshot& snapshot, std::uint64_t hash,
                                 std::size_t max_steps);

// The first max_steps servers of the walk that would be if all registered servers were
// online, with their verdicts of now; servers of weight 0 come last, by id. On a ring the
// servers that are online stand in the order of explain(); under Maglev they need not, since
// each set of servers has a table of its own. No connection is placed by this walk. The
// points of a server that is not online are computed anew, and so is the whole of Maglev's
// table where any is.
std::vector<ExplainStep> explain_if_all_online(const Snapshot& snapshot, std::uint64_t hash,
                                               std::size_t max_steps);

// The same for many keys of one snapshot: Maglev's table is made once. One thread.
class IfAllOnline {
public:
    explicit IfAllOnline(std::shared_ptr<const Snapshot> snapshot)
        : snapshot_(std::move(snapshot)) {}
    const std::shared_ptr<const Snapshot>& snapshot() const { return snapshot_; }

    std::vector<ExplainStep> explain(std::uint64_t hash, std::size_t max_steps);

private:
    std::shared_ptr<const Snapshot> snapshot_;
    std::shared_ptr<const MaglevTable> table_;  // once a key needed it
};

}  // namespace ringway::ring
