// One immutable state of the ring: its members and their points. Any thread may
// call const members without locking.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ring/hash.h"
#include "ring/point_table.h"
#include "ring/types.h"

namespace ringway::ring {

// One server of a snapshot.
struct Member {
    std::string id;
    std::uint32_t weight = 1;
    Status status = Status::online;
    std::uint32_t points = 0;  // on the ring now: weight x vnodes, or 0 while offline
    std::shared_ptr<void> context;
};

class Snapshot {
public:
    // The 64-bit hash of `key` under this snapshot's settings.
    std::uint64_t hash(std::string_view key) const { return hasher_(key); }

    // The member nearest to `hash`, or nullptr where no member has a point.
    // Expected O(1).
    const Member* owner(std::uint64_t hash) const;

    // Every member, online or not, sorted by id.
    const std::vector<Member>& members() const { return members_; }

    // O(log members).
    const Member* find(std::string_view id) const;

    const Settings& settings() const { return settings_; }
    std::size_t point_count() const { return table_->size(); }

    // Counts the published states of one Balancer, from 1.
    std::uint64_t generation() const { return generation_; }

private:
    friend class Walk;
    friend struct SnapshotAccess;
    Snapshot(const Settings& settings, std::vector<Member> members, std::vector<Slot> slots,
             std::shared_ptr<const PointTable> table, std::uint64_t generation);

    const Settings settings_;
    const KeyHasher hasher_;
    const std::vector<Member> members_;
    const std::vector<Slot> slots_;                  // of members_, in the same order
    const std::shared_ptr<const PointTable> table_;  // shared while no point moves
    const std::uint64_t generation_;
    std::vector<const Member*> by_slot_;  // nullptr for slots that are free
    std::size_t owners_ = 0;              // members with points
};

// The members in order of preference for a hash, nearest first, each once.
// Law: the second is the owner on the ring without the first, and so on.
// Keeps a reference to the snapshot, which must outlive it. One thread. The
// first eight members cost no allocation.
class Walk {
public:
    Walk(const Snapshot& snapshot, std::uint64_t hash);

    // The next member with points, or nullptr after the last.
    const Member* next();

private:
    bool first_sight_of(Slot slot);

    const Snapshot* snapshot_;
    PointCursor cursor_;
    std::size_t seen_ = 0;
    std::array<Slot, 8> first_seen_;   // while they are few
    std::vector<std::uint64_t> bits_;  // by slot, once they are more
};

}  // namespace ringway::ring
