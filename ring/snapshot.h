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
#include <variant>
#include <vector>

#include "ring/arc_lines.h"
#include "ring/hash.h"
#include "ring/maglev.h"
#include "ring/point_table.h"
#include "ring/slot.h"
#include "ring/types.h"

namespace ringway::ring {

// One server of a snapshot.
struct Member {
    std::string id;
    std::uint32_t weight = 1;
    Status status = Status::online;
    // On the ring now: weight x vnodes, or the ramp's part of them, or entries of Maglev's
    // table; 0 while not online.
    std::uint32_t points = 0;
    std::shared_ptr<void> context;
    std::uint32_t max_connections = 0;
    std::shared_ptr<Load> load;      // its live connections
    std::uint32_t ramp = full_ramp;  // of its points, in thousandths

    // Effective weight: ten servers at a tenth of their points weigh as one.
    std::uint64_t ramped_weight() const { return std::uint64_t{weight} * ramp; }

    // Slots held now; may change between two calls.
    std::uint32_t live() const { return load->live(); }
};

// A server chosen for a connection, with the slot that counts it.
struct Pick {
    const Member* member = nullptr;  // of the snapshot; nullptr where none could be chosen
    Slot slot;
    // Why none could be chosen: offline where no server is on the ring, else the verdict of the
    // walk's last server (full or over_bound).
    Verdict verdict = Verdict::offline;
};

// Where hashes lead: the points of a ring with its arcs, or Maglev's table. Shared by
// snapshots while no point moves.
struct Placement {
    std::shared_ptr<const PointTable> ring;
    std::shared_ptr<const ArcLines> arcs;
    std::shared_ptr<const MaglevTable> maglev;
};

class Snapshot {
public:
    // The 64-bit hash of `key` under this snapshot's settings.
    std::uint64_t hash(std::string_view key) const { return hasher_(key); }

    // The member nearest to `hash`, or nullptr where no member has a point.
    // Expected O(1).
    const Member* owner(std::uint64_t hash) const {
        const Seat seat = arcs_ != nullptr ? arcs_->owner(hash) : ArcLines::unknown;
        return seat != ArcLines::unknown ? by_seat_.data()[seat] : owner_otherwise(hash);
    }

    // The first member of the walk that has room, claimed. Allocates nothing but, once a thread,
    // the memory of longer walks; O(walk), which is short in the mean while balance_factor is not
    // near 1 and few servers are full.
    Pick pick(std::uint64_t hash) const;

    // Claims a slot of `member`, one of this snapshot: to continue a walk after a server could not
    // be reached. Empty where its verdict is not `takes`.
    Slot try_claim(const Member& member) const;

    // The verdict of `member` on one more connection now.
    Verdict verdict(const Member& member) const;

    // The most connections `member` may hold when `live` are live in all, itself
    // counted: ceil(balance_factor x live x its weight / the weight on the ring), where
    // a server that ramps weighs as much less as it has fewer points.
    // 2^32 - 1 without balance_factor. `member` is on the ring.
    std::uint32_t bound(const Member& member, std::uint64_t live) const;

    // Every member, online or not, sorted by id.
    const std::vector<Member>& members() const { return members_; }

    // O(log members).
    const Member* find(std::string_view id) const;

    const Settings& settings() const { return settings_; }
    // Of all members.
    std::size_t point_count() const;
    // Memory of the points and their index.
    std::size_t point_bytes() const;

    // Counts the published states of one Balancer, from 1.
    std::uint64_t generation() const { return generation_; }

private:
    friend class Walk;
    friend class Claim;
    friend struct SnapshotAccess;
    Snapshot(const Settings& settings, std::vector<Member> members, std::vector<Seat> seats,
             Placement placement, std::shared_ptr<Ledger> ledger, std::uint64_t generation);

    const Member* owner_otherwise(std::uint64_t hash) const;

    const Settings settings_;
    const KeyHasher hasher_;
    const std::vector<Member> members_;
    const std::vector<Seat> seats_;  // of members_, in the same order
    const Placement placement_;
    const ArcLines* const arcs_;  // placement_.arcs
    const std::shared_ptr<Ledger> ledger_;
    const std::uint64_t generation_;
    const std::uint64_t balance_millionths_;  // balance_factor
    std::vector<const Member*> by_seat_;      // nullptr for seats that are free
    std::size_t owners_ = 0;                  // members with points
    std::uint64_t ramped_weight_ = 0;         // theirs, in all
};

// The members in order of preference for a hash, nearest first, each once.
// Law: on a ring the second is the owner without the first, and so on.
// Keeps a reference to the snapshot, which must outlive it. One thread. The first
// eight members cost no allocation; for more, ended walks of the thread leave their
// memory to later ones.
class Walk {
public:
    Walk(const Snapshot& snapshot, std::uint64_t hash);
    ~Walk();
    Walk(Walk&&) noexcept = default;
    Walk& operator=(Walk&&) noexcept = default;

    // The next member with points, or nullptr after the last.
    const Member* next();

private:
    bool first_sight_of(Seat seat);

    const Snapshot* snapshot_;
    std::variant<PointCursor, MaglevCursor> cursor_;
    std::size_t seen_ = 0;
    std::array<Seat, 8> first_seen_;   // while they are few
    std::vector<std::uint64_t> bits_;  // by seat, once they are more
};

}  // namespace ringway::ring
