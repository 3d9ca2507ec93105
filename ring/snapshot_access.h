// The way into Snapshot for the rest of the library and its tests; not for users.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "ring/snapshot.h"

namespace ringway::ring {

struct SnapshotAccess {
    // `members` sorted by id; `slots` are theirs, in the same order, each once; the
    // points of `table` name these slots and are ordered by these ids.
    static std::shared_ptr<const Snapshot> make(const Settings& settings,
                                                std::vector<Member> members,
                                                std::vector<Slot> slots,
                                                std::shared_ptr<const PointTable> table,
                                                std::uint64_t generation) {
        return std::shared_ptr<const Snapshot>(new Snapshot(
            settings, std::move(members), std::move(slots), std::move(table), generation));
    }

    static const std::shared_ptr<const PointTable>& table(const Snapshot& snapshot) {
        return snapshot.table_;
    }
    static const std::vector<Slot>& slots(const Snapshot& snapshot) { return snapshot.slots_; }
    static const Member& member(const Snapshot& snapshot, Slot slot) {
        return *snapshot.by_slot_[slot];
    }
};

}  // namespace ringway::ring
