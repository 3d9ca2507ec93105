// The mapping as ten lines of brute force: the oracle of the tests. Slow on purpose.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ring/snapshot.h"

namespace ringway::ring::test {

struct NamedPoint {
    std::uint64_t position;
    std::string id;
};

// The ids in order of preference for `hash`, each once.
std::vector<std::string> brute_walk(std::vector<NamedPoint> points, std::uint64_t hash);

// The points that the members of a snapshot should have on the ring, each computed
// from its id anew.
std::vector<NamedPoint> expected_points(const Snapshot& snapshot);

// The ids of a whole walk of the library.
std::vector<std::string> walk_ids(const Snapshot& snapshot, std::uint64_t hash);

}  // namespace ringway::ring::test
