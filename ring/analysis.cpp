#include "ring/analysis.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "ring/arcs.h"
#include "ring/border.h"
#include "ring/hash.h"
#include "ring/snapshot_access.h"

namespace ringway::ring {
namespace {

__extension__ using Wide = unsigned __int128;  // a whole circle is 2^64 hashes

constexpr Wide circle = Wide{1} << 64;

double part_of_circle(Wide hashes) {
    return std::ldexp(static_cast<double>(hashes), -64);
}

std::size_t index_of(const Snapshot& snapshot, const Member* member) {
    return static_cast<std::size_t>(member - snapshot.members().data());
}

// Reads arcs and knows where each ends.
class Spans {
public:
    explicit Spans(const Snapshot& snapshot) : arcs_(snapshot), ahead_(arcs_.next()) { advance(); }
    const Member* owner() const { return owner_; }
    Wide end() const { return end_; }
    void advance() {
        owner_ = ahead_->owner;
        ahead_ = arcs_.next();
        end_ = ahead_ ? Wide{ahead_->begin} : circle;
    }

private:
    ArcReader arcs_;
    std::optional<Arc> ahead_;
    const Member* owner_ = nullptr;
    Wide end_ = 0;
};

bool same_hash(const Settings& a, const Settings& b) {
    return a.key_hash == b.key_hash && a.seed == b.seed;
}

KeyMoves key_moves_of_chance(const Snapshot& before, const Snapshot& after) {
    KeyMoves result;
    result.same_hash = false;
    result.moved = 1;
    const std::vector<Share> now = shares(after);
    for (const Share& old : shares(before))
        if (const Member* const twin = after.find(old.member->id))
            result.moved -= old.share * now[index_of(after, twin)].share;
    if (before.point_count() == 0 && after.point_count() == 0) result.moved = 0;
    return result;
}

std::string id_of(const Member* member) {
    return member != nullptr ? member->id : std::string();
}

// Of a ring, by seat. Each place of points owns from its border with the one below to its
// border with the one above, and where several points share it the first has what is below.
std::vector<Wide> hashes_by_seat(const PointTable& table) {
    std::vector<Wide> hashes(std::size_t{1} << table.geometry().seat_bits);
    PointScan reader(table);
    Point first = reader.next();
    Seat last = first.seat;
    const std::uint64_t seam = border(table.position(table.size() - 1), first.position);
    std::uint64_t begin = seam;
    const auto give_out = [&](std::uint64_t end) {
        hashes[first.seat] += first.position + 1 - begin;
        hashes[last] += end - first.position - 1;
        begin = end;
    };
    while (!reader.done()) {
        const Point next = reader.next();
        if (next.position != first.position) {
            give_out(border(first.position, next.position));
            first = next;
        }
        last = next.seat;
    }
    give_out(seam);
    return hashes;
}

// Of Maglev's table, by seat.
std::vector<Wide> hashes_by_seat(const MaglevTable& table) {
    std::vector<Wide> hashes;
    MaglevWidths widths(table.size());
    for (std::size_t i = 0; i < table.size(); ++i) {
        const Seat seat = table.seat(i);
        if (seat >= hashes.size()) hashes.resize(seat + 1);
        hashes[seat] += widths.next();
    }
    return hashes;
}

// How many hashes each member owns, in their order.
std::vector<Wide> hashes_of(const Snapshot& snapshot) {
    std::vector<Wide> hashes(snapshot.members().size());
    if (snapshot.point_count() == 0) return hashes;
    const Placement& placement = SnapshotAccess::placement(snapshot);
    const auto by_seat =
        placement.ring ? hashes_by_seat(*placement.ring) : hashes_by_seat(*placement.maglev);
    const std::vector<Seat>& seats = SnapshotAccess::seats(snapshot);
    for (std::size_t i = 0; i < seats.size(); ++i) {
        if (snapshot.members()[i].points != 0) hashes[i] = by_seat[seats[i]];
    }
    return hashes;
}

}  // namespace

std::vector<Share> shares(const Snapshot& snapshot) {
    const std::vector<Wide> hashes = hashes_of(snapshot);
    std::uint64_t weight = 0;
    for (const Member& member : snapshot.members())
        if (member.points != 0) weight += member.ramped_weight();

    std::vector<Share> shares;
    for (std::size_t i = 0; i < hashes.size(); ++i) {
        const Member& member = snapshot.members()[i];
        const double fair = member.points == 0 ? 0
                                               : static_cast<double>(member.ramped_weight()) /
                                                     static_cast<double>(weight);
        shares.push_back({&member, part_of_circle(hashes[i]), fair});
    }
    return shares;
}

Balance balance(const std::vector<Share>& shares) {
    Balance balance;
    double count = 0, sum = 0, squares = 0;
    for (const Share& share : shares) {
        if (share.fair == 0) continue;
        const double load = share.share / share.fair;
        balance.peak = std::max(balance.peak, load);
        balance.least = count == 0 ? load : std::min(balance.least, load);
        ++count;
        sum += load;
        squares += load * load;
    }
    if (count == 0) return balance;
    const double mean = sum / count;
    balance.deviation = std::sqrt(std::max(0.0, squares / count - mean * mean));
    return balance;
}

KeyMoves key_moves(const Snapshot& before, const Snapshot& after) {
    if (!same_hash(before.settings(), after.settings())) return key_moves_of_chance(before, after);

    std::map<std::pair<const Member*, const Member*>, Wide> hashes;
    // The server of `after` that has the id of one of `before`.
    std::map<const Member*, const Member*> twin;
    for (const Member& member : before.members()) twin[&member] = after.find(member.id);

    Spans old(before), now(after);
    for (Wide begin = 0; begin != circle;) {
        const Wide end = std::min(old.end(), now.end());
        const Member* const from = old.owner();
        const Member* const to = now.owner();
        const bool stays = from == nullptr ? to == nullptr : to != nullptr && twin[from] == to;
        if (!stays) hashes[{from, to}] += end - begin;
        if (end == circle) break;
        if (old.end() == end) old.advance();
        if (now.end() == end) now.advance();
        begin = end;
    }

    KeyMoves result;
    Wide moved = 0;
    for (const auto& [pair, count] : hashes) {
        moved += count;
        result.moves.push_back({id_of(pair.first), id_of(pair.second), part_of_circle(count)});
    }
    result.moved = part_of_circle(moved);
    std::sort(result.moves.begin(), result.moves.end(), [](const Move& a, const Move& b) {
        if (a.share != b.share) return a.share > b.share;
        return std::tie(a.from, a.to) < std::tie(b.from, b.to);
    });
    return result;
}

std::string fingerprint(const Snapshot& snapshot) {
    const Settings& settings = snapshot.settings();
    std::string bytes;
    const auto add = [&bytes](const auto& part) { bytes.append(part.begin(), part.end()); };
    const auto add_byte = [&bytes](auto value) { bytes += static_cast<char>(value); };

    add(big_endian32(settings.mapping));
    add_byte(settings.algorithm == Algorithm::maglev ? 1 : 0);
    add_byte(settings.key_hash == KeyHash::xxh3 ? 1 : 0);
    add(big_endian32(settings.vnodes));
    add(big_endian64(static_cast<std::uint64_t>(std::llround(settings.balance_factor * 1e6))));
    add(settings.seed.empty() ? Digest{} : sha256({settings.seed}));
    add(big_endian32(static_cast<std::uint32_t>(snapshot.members().size())));
    for (const Member& member : snapshot.members()) {
        add(big_endian32(static_cast<std::uint32_t>(member.id.size())));
        add(member.id);
        add(big_endian32(member.weight));
        const bool ramps = member.status == Status::online && member.ramp != full_ramp;
        add_byte(ramps ? 2 : member.status == Status::online ? 1 : 0);
        if (ramps) add(big_endian32(member.ramp));
    }
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const std::uint8_t byte : sha256({bytes})) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

}  // namespace ringway::ring
