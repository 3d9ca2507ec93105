#include "ring/batch.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include "ring/points.h"
#include "ring/snapshot_access.h"

namespace ringway::ring {
namespace {

constexpr Seat no_seat = ~Seat{0};

// An id between quotation marks, with the bytes that are not plain ASCII as \xNN.
std::string quoted(std::string_view id) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text = "\"";
    for (const char c : id) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
            text += c;
            continue;
        }
        text += "\\x";
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text + '"';
}

void check_weight(std::string_view id, std::uint32_t weight) {
    if (weight > Limits::weight)
        throw Error("server " + quoted(id) + ": weight " + std::to_string(weight) +
                    " is more than " + std::to_string(Limits::weight));
}

void check_status(std::string_view id, Status status) {
    if (status != Status::online && status != Status::offline && status != Status::draining)
        throw Error("server " + quoted(id) + ": unknown status");
}

void check_ramp(std::string_view id, std::uint32_t ramp, Algorithm algorithm) {
    if (ramp == 0 || ramp > full_ramp)
        throw Error("server " + quoted(id) + ": a ramp must be 1 to " + std::to_string(full_ramp) +
                    ", not " + std::to_string(ramp));
    if (ramp != full_ramp && algorithm != Algorithm::ring)
        throw Error("server " + quoted(id) + ": only servers of a ring can ramp");
}

}  // namespace

void check(const Settings& settings) {
    if (settings.mapping != 1)
        throw Error("mapping version " + std::to_string(settings.mapping) +
                    " is unknown; the only one is 1");
    if (settings.algorithm != Algorithm::ring && settings.algorithm != Algorithm::maglev)
        throw Error("unknown algorithm");
    if (settings.key_hash != KeyHash::sha256 && settings.key_hash != KeyHash::xxh3)
        throw Error("unknown key hash");
    if (settings.vnodes == 0 || settings.vnodes > Limits::vnodes)
        throw Error("vnodes must be 1 to " + std::to_string(Limits::vnodes) + ", not " +
                    std::to_string(settings.vnodes));
    const double factor = settings.balance_factor;
    if (factor != 0 && !(factor >= 1 && factor <= Limits::balance_factor))
        throw Error("balance_factor must be 0 or 1 to 1000000, not " + std::to_string(factor));
    if (settings.seed.size() > Limits::seed_bytes)
        throw Error("the seed has " + std::to_string(settings.seed.size()) + " bytes; at most " +
                    std::to_string(Limits::seed_bytes) + " are taken");
}

Batch::Batch(const Snapshot& base) : base_(base) {}

Batch::Touched& Batch::touch(std::string_view id) {
    const auto known = touched_.find(id);
    if (known != touched_.end()) return known->second;
    Touched touched{base_.find(id), std::nullopt};
    if (const Member* const member = touched.before)
        touched.after = ServerSpec{member->id,      member->weight,          member->status,
                                   member->context, member->max_connections, member->ramp};
    return touched_.emplace(id, std::move(touched)).first->second;
}

ServerSpec& Batch::registered(std::string_view id) {
    if (id.size() <= Limits::id_bytes)
        if (Touched& touched = touch(id); touched.after) return *touched.after;
    throw Error("server " + quoted(id.substr(0, Limits::id_bytes)) + " is not registered");
}

void Batch::take(const ServerSpec& server) {
    if (server.id.empty()) throw Error("a server's id cannot be empty");
    if (server.id.size() > Limits::id_bytes)
        throw Error("a server's id of " + std::to_string(server.id.size()) +
                    " bytes is too long; at most " + std::to_string(Limits::id_bytes) +
                    " are taken");
    check_weight(server.id, server.weight);
    check_status(server.id, server.status);
    check_ramp(server.id, server.ramp, base_.settings().algorithm);
    Touched& touched = touch(server.id);
    if (touched.after) throw Error("server " + quoted(server.id) + " is already registered");
    touched.after = server;
}

void Batch::take(const Change& change) {
    std::visit(
        [this](const auto& wanted) {
            using Wanted = std::decay_t<decltype(wanted)>;
            if constexpr (std::is_same_v<Wanted, ServerSpec>) {
                take(wanted);
            } else if constexpr (std::is_same_v<Wanted, Unregister>) {
                registered(wanted.id);
                touch(wanted.id).after.reset();
            } else if constexpr (std::is_same_v<Wanted, SetStatus>) {
                check_status(wanted.id, wanted.status);
                registered(wanted.id).status = wanted.status;
            } else if constexpr (std::is_same_v<Wanted, SetRamp>) {
                check_ramp(wanted.id, wanted.ramp, base_.settings().algorithm);
                registered(wanted.id).ramp = wanted.ramp;
            } else if constexpr (std::is_same_v<Wanted, SetLimit>) {
                registered(wanted.id).max_connections = wanted.max_connections;
            } else if constexpr (std::is_same_v<Wanted, SetWeight>) {
                check_weight(wanted.id, wanted.weight);
                registered(wanted.id).weight = wanted.weight;
            } else {
                static_assert(std::is_same_v<Wanted, SetContext>);
                registered(wanted.id).context = wanted.context;
            }
        },
        change);
}

bool Batch::differs() const {
    return std::any_of(touched_.begin(), touched_.end(), [](const auto& entry) {
        const auto& [before, after] = entry.second;
        if (before == nullptr || !after) return before != nullptr || after.has_value();
        return before->weight != after->weight || before->status != after->status ||
               before->max_connections != after->max_connections || before->ramp != after->ramp ||
               before->context != after->context;
    });
}

// The number of points if every server were online.
std::size_t Batch::check_limits() const {
    std::size_t servers = base_.members().size();
    std::size_t weight = 0;
    for (const Member& member : base_.members()) weight += member.weight;
    for (const auto& [id, touched] : touched_) {
        if (touched.before != nullptr) {
            --servers;
            weight -= touched.before->weight;
        }
        if (touched.after) {
            ++servers;
            weight += touched.after->weight;
        }
    }
    if (servers > Limits::servers)
        throw Error("a ring of " + std::to_string(servers) + " servers is too large; at most " +
                    std::to_string(Limits::servers) + " are taken");
    const std::size_t points = weight * base_.settings().vnodes;
    if (base_.settings().algorithm == Algorithm::ring && points > Limits::points)
        throw Error("a ring of " + std::to_string(points) +
                    " points (the sum of weights x vnodes) is too large; at most " +
                    std::to_string(Limits::points) + " are taken");
    return points;
}

std::optional<Membership> Batch::result() const {
    const std::size_t capacity = check_limits();
    if (!differs()) return std::nullopt;
    Membership next = merge();
    next.capacity = capacity;
    give_seats(next);
    return next;
}

// A server keeps its count as long as it is registered or has live connections.
std::shared_ptr<Load> Batch::load_of(const Touched& touched, const std::string& id) const {
    if (touched.before != nullptr) return touched.before->load;
    return SnapshotAccess::ledger(base_)->load(id);
}

// Under Maglev a server's number of points follows from all others; what matters
// here is whether it changes.
std::uint32_t Batch::points_of(std::uint32_t weight, Status status, std::uint32_t ramp) const {
    if (status != Status::online) return 0;
    return base_.settings().algorithm == Algorithm::ring
               ? ramped_points(weight, base_.settings().vnodes, ramp)
               : weight;
}

// Members of the base and of the batch, in order of id.
Membership Batch::merge() const {
    Membership next;
    const std::vector<Member>& old = base_.members();
    next.members.reserve(old.size() + touched_.size());
    next.seats.reserve(old.size() + touched_.size());

    std::size_t kept = 0;
    const auto keep_until = [&](std::size_t end) {
        for (; kept < end; ++kept) {
            next.members.push_back(old[kept]);
            next.seats.push_back(SnapshotAccess::seats(base_)[kept]);
        }
    };
    for (const auto& [id, touched] : touched_) {
        const auto place = std::lower_bound(
            old.begin(), old.end(), id,
            [](const Member& member, const std::string& wanted) { return member.id < wanted; });
        const auto index = static_cast<std::size_t>(place - old.begin());
        keep_until(index);
        const std::uint32_t points_before =
            touched.before != nullptr
                ? points_of(touched.before->weight, touched.before->status, touched.before->ramp)
                : 0;
        const Seat seat =
            touched.before != nullptr ? SnapshotAccess::seats(base_)[kept++] : no_seat;
        std::uint32_t points_after = 0;
        if (touched.after) {
            const ServerSpec& server = *touched.after;
            points_after = points_of(server.weight, server.status, server.ramp);
            next.members.push_back({server.id, server.weight, server.status, points_after,
                                    server.context, server.max_connections,
                                    load_of(touched, server.id), server.ramp});
            next.seats.push_back(seat);
        } else {
            next.gone.push_back(id);
        }
        if (points_before == points_after) continue;
        if (points_before != 0) next.leaving.push_back(seat);
        if (points_after != 0) next.coming.push_back(next.members.size() - 1);
    }
    keep_until(old.size());
    return next;
}

// The lowest free seats go to those that have none, so that seats stay few.
void Batch::give_seats(Membership& next) const {
    std::vector<bool> used(next.members.size());
    for (const Seat seat : next.seats) {
        if (seat == no_seat) continue;
        if (seat >= used.size()) used.resize(seat + std::size_t{1});
        used[seat] = true;
    }
    Seat free = 0;
    for (Seat& seat : next.seats) {
        if (seat == no_seat) {
            while (used[free]) ++free;
            used[free] = true;
            seat = free;
        }
        next.seat_end = std::max(next.seat_end, seat + 1);
    }
}

}  // namespace ringway::ring
