#include "ring/snapshot.h"

#include <algorithm>

namespace ringway::ring {

Snapshot::Snapshot(const Settings& settings, std::vector<Member> members, std::vector<Slot> slots,
                   std::shared_ptr<const PointTable> table, std::uint64_t generation)
    : settings_(settings),
      hasher_(settings),
      members_(std::move(members)),
      slots_(std::move(slots)),
      table_(std::move(table)),
      generation_(generation) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
        if (slots_[i] >= by_slot_.size()) by_slot_.resize(slots_[i] + std::size_t{1});
        by_slot_[slots_[i]] = &members_[i];
        if (members_[i].points != 0) ++owners_;
    }
}

const Member* Snapshot::owner(std::uint64_t hash) const {
    if (owners_ == 0) return nullptr;
    return by_slot_[table_->nearest(hash)];
}

const Member* Snapshot::find(std::string_view id) const {
    const auto found = std::lower_bound(
        members_.begin(), members_.end(), id,
        [](const Member& member, std::string_view wanted) { return member.id < wanted; });
    return found != members_.end() && found->id == id ? &*found : nullptr;
}

Walk::Walk(const Snapshot& snapshot, std::uint64_t hash)
    : snapshot_(&snapshot), cursor_(*snapshot.table_, hash) {}

const Member* Walk::next() {
    if (seen_ == snapshot_->owners_) return nullptr;
    while (true) {
        const Slot slot = snapshot_->table_->slot(cursor_.next().index);
        if (first_sight_of(slot)) return snapshot_->by_slot_[slot];
    }
}

bool Walk::first_sight_of(Slot slot) {
    if (bits_.empty()) {
        const auto end = first_seen_.begin() + static_cast<std::ptrdiff_t>(seen_);
        if (std::find(first_seen_.begin(), end, slot) != end) return false;
        if (seen_ < first_seen_.size()) {
            first_seen_[seen_++] = slot;
            return true;
        }
        bits_.resize((snapshot_->by_slot_.size() + 63) / 64);
        for (const Slot seen : first_seen_) bits_[seen / 64] |= std::uint64_t{1} << seen % 64;
    }
    std::uint64_t& word = bits_[slot / 64];
    const std::uint64_t bit = std::uint64_t{1} << slot % 64;
    if ((word & bit) != 0) return false;
    word |= bit;
    ++seen_;
    return true;
}

}  // namespace ringway::ring
