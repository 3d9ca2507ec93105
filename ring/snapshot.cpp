#include "ring/snapshot.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ringway::ring {
namespace {

// Whole millionths, so that bounds are exact and the same on every machine.
std::uint64_t millionths(double factor) {
    return static_cast<std::uint64_t>(std::llround(factor * 1e6));
}

using Cursor = std::variant<PointCursor, MaglevCursor>;

Cursor cursor_of(const Placement& placement, std::uint64_t hash) {
    if (placement.maglev) return MaglevCursor(*placement.maglev, hash);
    return PointCursor(*placement.ring, hash);
}

Seat next_seat(Cursor& cursor, const Placement& placement) {
    if (auto* const points = std::get_if<PointCursor>(&cursor))
        return placement.ring->seat(points->next().index);
    return std::get<MaglevCursor>(cursor).next();
}

constexpr int max_walks = 16;  // of one pick

// The memory of this thread's last long walk.
thread_local std::vector<std::uint64_t> spare_bits;

}  // namespace

Snapshot::Snapshot(const Settings& settings, std::vector<Member> members, std::vector<Seat> seats,
                   Placement placement, std::shared_ptr<Ledger> ledger, std::uint64_t generation)
    : settings_(settings),
      hasher_(settings),
      members_(std::move(members)),
      seats_(std::move(seats)),
      placement_(std::move(placement)),
      arcs_(placement_.arcs.get()),
      ledger_(std::move(ledger)),
      generation_(generation),
      balance_millionths_(millionths(settings.balance_factor)) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
        if (seats_[i] >= by_seat_.size()) by_seat_.resize(seats_[i] + std::size_t{1});
        by_seat_[seats_[i]] = &members_[i];
        if (members_[i].points == 0) continue;
        ++owners_;
        ramped_weight_ += members_[i].ramped_weight();
    }
}

const Member* Snapshot::owner_otherwise(std::uint64_t hash) const {
    if (owners_ == 0) return nullptr;
    if (const MaglevTable* const maglev = placement_.maglev.get())
        return by_seat_[maglev->seat(maglev->index(hash))];
    return by_seat_[placement_.ring->nearest(hash)];
}

const Member* Snapshot::find(std::string_view id) const {
    const auto found = std::lower_bound(
        members_.begin(), members_.end(), id,
        [](const Member& member, std::string_view wanted) { return member.id < wanted; });
    return found != members_.end() && found->id == id ? &*found : nullptr;
}

// One connection in search of a server. It counts in the total before it counts
// on a server, so that the bounds of all servers together always leave room for it:
// only servers that are full or offline can make a search fail.
class Claim {
public:
    explicit Claim(const Snapshot& snapshot)
        : snapshot_(snapshot),
          ledger_(*snapshot.ledger_),
          is_bounded_(snapshot.balance_millionths_ != 0),
          part_(Ledger::part_of_this_thread()) {
        ledger_.parts_[part_].live.fetch_add(1, std::memory_order_acq_rel);
    }
    ~Claim() {
        if (!kept_) ledger_.parts_[part_].live.fetch_sub(1, std::memory_order_release);
    }
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

    // `takes` means that the member's count has been raised.
    Verdict try_on(const Member& member) {
        if (member.points == 0) return snapshot_.verdict(member);
        std::atomic<std::uint32_t>& count = member.load->live_;
        if (member.max_connections == 0 && !is_bounded_) {
            count.fetch_add(1, std::memory_order_release);
            return Verdict::takes;
        }
        std::uint32_t now = count.load(std::memory_order_acquire);
        do {
            if (member.max_connections != 0 && now >= member.max_connections) return Verdict::full;
            if (is_bounded_ && !within_bound(member, now)) return Verdict::over_bound;
        } while (!count.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel,
                                              std::memory_order_acquire));
        return Verdict::takes;
    }

    // All live connections of the pool and those in search, where a bound asks for them.
    std::uint64_t total() const { return is_bounded_ ? ledger_.live() : 0; }

    // The slot for what try_on() claimed.
    Slot keep(const Member& member) {
        kept_ = true;
        return Slot(member.load, member.context, part_);
    }

private:
    // Whether a member with `now` connections may have one more. Whoever is counted in
    // `now` is in the total by the time that it is read here.
    bool within_bound(const Member& member, std::uint32_t now) const {
        return now < snapshot_.bound(member, ledger_.live());
    }

    const Snapshot& snapshot_;
    Ledger& ledger_;
    const bool is_bounded_;
    const std::uint8_t part_;
    bool kept_ = false;
};

Pick Snapshot::pick(std::uint64_t hash) const {
    Pick pick;
    if (owners_ == 0) return pick;
    Claim claim(*this);
    // Capacity may have been freed behind the walk meanwhile: then walk again.
    for (int walks = 0; walks < max_walks; ++walks) {
        const std::uint64_t others = claim.total();
        Walk walk(*this, hash);
        while (const Member* const member = walk.next()) {
            pick.verdict = claim.try_on(*member);
            if (pick.verdict != Verdict::takes) continue;
            pick.member = member;
            pick.slot = claim.keep(*member);
            return pick;
        }
        if (claim.total() == others) break;
    }
    return pick;
}

Slot Snapshot::try_claim(const Member& member) const {
    Claim claim(*this);
    return claim.try_on(member) == Verdict::takes ? claim.keep(member) : Slot();
}

Verdict Snapshot::verdict(const Member& member) const {
    if (member.weight == 0) return Verdict::weight_zero;
    if (member.status == Status::draining) return Verdict::draining;
    if (member.points == 0) return Verdict::offline;
    const std::uint32_t live = member.live();
    if (member.max_connections != 0 && live >= member.max_connections) return Verdict::full;
    if (balance_millionths_ == 0) return Verdict::takes;
    const std::uint64_t all = ledger_->live() + 1;
    return live >= bound(member, all) ? Verdict::over_bound : Verdict::takes;
}

std::uint32_t Snapshot::bound(const Member& member, std::uint64_t live) const {
    constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
    if (balance_millionths_ == 0) return none;
    __extension__ using Wide = unsigned __int128;
    const Wide share = Wide{balance_millionths_} * live * member.ramped_weight();
    const Wide whole = Wide{ramped_weight_} * 1'000'000;
    const Wide bound = (share + whole - 1) / whole;
    return bound < none ? static_cast<std::uint32_t>(bound) : none;
}

std::size_t Snapshot::point_count() const {
    if (placement_.maglev) return owners_ == 0 ? 0 : placement_.maglev->size();
    return placement_.ring->size();
}

std::size_t Snapshot::point_bytes() const {
    if (placement_.maglev) return placement_.maglev->bytes();
    return placement_.ring->bytes() + placement_.arcs->bytes();
}

Walk::Walk(const Snapshot& snapshot, std::uint64_t hash)
    : snapshot_(&snapshot), cursor_(cursor_of(snapshot.placement_, hash)) {}

Walk::~Walk() {
    if (bits_.capacity() > spare_bits.capacity()) spare_bits.swap(bits_);
}

const Member* Walk::next() {
    if (seen_ == snapshot_->owners_) return nullptr;
    while (true) {
        const Seat seat = next_seat(cursor_, snapshot_->placement_);
        if (first_sight_of(seat)) return snapshot_->by_seat_[seat];
    }
}

bool Walk::first_sight_of(Seat seat) {
    if (bits_.empty()) {
        const auto end = first_seen_.begin() + static_cast<std::ptrdiff_t>(seen_);
        if (std::find(first_seen_.begin(), end, seat) != end) return false;
        if (seen_ < first_seen_.size()) {
            first_seen_[seen_++] = seat;
            return true;
        }
        bits_.swap(spare_bits);
        bits_.assign((snapshot_->by_seat_.size() + 63) / 64, 0);
        for (const Seat seen : first_seen_) bits_[seen / 64] |= std::uint64_t{1} << seen % 64;
    }
    std::uint64_t& word = bits_[seat / 64];
    const std::uint64_t bit = std::uint64_t{1} << seat % 64;
    if ((word & bit) != 0) return false;
    word |= bit;
    ++seen_;
    return true;
}

std::string_view to_string(Verdict verdict) {
    switch (verdict) {
        case Verdict::takes:
            return "takes";
        case Verdict::offline:
            return "offline";
        case Verdict::draining:
            return "draining";
        case Verdict::weight_zero:
            return "weight 0";
        case Verdict::full:
            return "full";
        case Verdict::over_bound:
            return "over its bound";
    }
    return "";
}

}  // namespace ringway::ring
