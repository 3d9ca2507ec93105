// Internal access to Snapshot for the rest of the library and its tests; not for users.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "ring/snapshot.h"

namespace ringway::ring {

struct SnapshotAccess {
    // `members` sorted by id; `seats` are theirs, in the same order, each once; the
    // points of `placement` name these seats and are ordered by these ids.
    static std::shared_ptr<const Snapshot> make(const Settings& settings,
                                                std::vector<Member> members,
                                                std::vector<Seat> seats, Placement placement,
                                                std::shared_ptr<Ledger> ledger,
                                                std::uint64_t generation) {
        return std::shared_ptr<const Snapshot>(new Snapshot(settings, std::move(members),
                                                            std::move(seats), std::move(placement),
                                                            std::move(ledger), generation));
    }

    static const Placement& placement(const Snapshot& snapshot) { return snapshot.placement_; }
    // Of a snapshot that is a ring.
    static const PointTable& table(const Snapshot& snapshot) { return *snapshot.placement_.ring; }
    static const std::shared_ptr<Ledger>& ledger(const Snapshot& snapshot) {
        return snapshot.ledger_;
    }
    static const std::vector<Seat>& seats(const Snapshot& snapshot) { return snapshot.seats_; }
    static const Member& member(const Snapshot& snapshot, Seat seat) {
        return *snapshot.by_seat_[seat];
    }
};

}  // namespace ringway::ring
