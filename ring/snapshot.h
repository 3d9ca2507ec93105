// One immutable state of the ring: its members and their points. Any thread may
// call const members without locking.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ring/types.h"

namespace ringway::ring {

// One server of a snapshot.
struct Member {
    std::string id;
    std::uint32_t weight;
    Status status;
    std::uint32_t points;  // on the ring now: weight x vnodes, or 0 while offline
    std::shared_ptr<void> context;
};

class Snapshot {
public:
    // The 64-bit hash of `key` under this snapshot's settings.
    std::uint64_t hash(std::string_view key) const;

    // The member nearest to `hash`, or nullptr where no member has a point.
    // Expected O(1).
    const Member* owner(std::uint64_t hash) const;

    // Every member, online or not, sorted by id.
    const std::vector<Member>& members() const;

    // O(log members).
    const Member* find(std::string_view id) const;

    const Settings& settings() const;
    std::size_t point_count() const;

    // Counts the published states of one Balancer, from 1.
    std::uint64_t generation() const;
};

// The members in order of preference for a hash, nearest first, each once.
// Law: the second is the owner on the ring without the first, and so on.
// Keeps a reference to the snapshot, which must outlive it. One thread.
class Walk {
public:
    Walk(const Snapshot& snapshot, std::uint64_t hash);

    // The next member with points, or nullptr after the last.
    const Member* next();
};

}  // namespace ringway::ring
