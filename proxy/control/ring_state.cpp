#include "proxy/control/ring_state.h"

#include <utility>

#include <fmt/format.h>

#include "conf/limits.h"

namespace ringway::proxy {

namespace {

// A ring takes all that the file may ask for, and the file may ask for as much as it takes.
using ring::Limits;
static_assert(conf::id_bytes_max == Limits::id_bytes);
static_assert(conf::seed_bytes_max == Limits::seed_bytes);
static_assert(conf::servers_max == Limits::servers);
static_assert(conf::points_max == Limits::points);
static_assert(conf::weight_max == Limits::weight);
static_assert(conf::vnodes_max == Limits::vnodes);
static_assert(static_cast<double>(conf::balance_factor_max) <= Limits::balance_factor);

ring::Status status_of(const ServerFacts& server, health::Availability availability) {
    if (availability.online) return ring::Status::online;
    return server.admin_state == health::AdminState::drain ? ring::Status::draining
                                                           : ring::Status::offline;
}

}  // namespace

ring::Settings ring_settings(const conf::HashSettings& hash) {
    const bool sha256 = hash.function == conf::HashSettings::Function::sha256;
    const bool maglev = hash.algorithm == conf::HashSettings::Algorithm::maglev;
    return {.mapping = hash.mapping,
            .algorithm = maglev ? ring::Algorithm::maglev : ring::Algorithm::ring,
            .key_hash = sha256 ? ring::KeyHash::sha256 : ring::KeyHash::xxh3,
            .vnodes = hash.vnodes,
            .seed = hash.seed,
            .balance_factor = hash.balance_factor};
}

Result<void> check_ring_size(const conf::HashSettings& hash, std::uint64_t servers,
                             std::uint64_t weights) {
    if (servers > ring::Limits::servers) {
        return Reason(fmt::format("{} servers; a ring takes {}", servers, ring::Limits::servers));
    }
    const bool maglev = hash.algorithm == conf::HashSettings::Algorithm::maglev;
    const std::uint64_t points = maglev ? 0 : weights * hash.vnodes;
    if (points > ring::Limits::points) {
        return Reason(fmt::format("{} points; a ring takes {}", points, ring::Limits::points));
    }
    return {};
}

RingState ring_state(double panic, std::span<const ServerFacts> servers) {
    RingState state;
    for (const ServerFacts& server : servers) {
        if (server.weight == 0 || server.admin_state != health::AdminState::automatic) continue;
        // Of whom nothing is known yet, nothing can be believed or not.
        if (server.awaits_check) continue;
        ++state.all;
        if (server.up) ++state.up;
    }
    state.panics = health::panics(state.up, state.all, panic);
    state.availabilities.reserve(servers.size());
    for (const ServerFacts& server : servers) {
        state.availabilities.push_back(health::availability_of(
            server.up, server.admin_state, state.panics && !server.awaits_check));
    }
    return state;
}

std::vector<ring::Change> ring_changes(const ring::Snapshot& base,
                                       std::span<const ServerFacts> servers, const RingState& state,
                                       const ContextOf& context_of) {
    std::vector<ring::Change> changes;
    auto member = base.members().begin();
    const auto members_end = base.members().end();
    const auto unregister_until = [&](const std::string_view* id) {
        for (; member != members_end && (id == nullptr || member->id < *id); ++member) {
            changes.emplace_back(ring::Unregister{member->id});
        }
    };
    for (std::size_t i = 0; i < servers.size(); ++i) {
        const ServerFacts& server = servers[i];
        const ring::Status status = status_of(server, state.availabilities[i]);
        unregister_until(&server.id);
        const bool known = member != members_end && member->id == server.id;
        std::shared_ptr<void> context = context_of(i, known ? &*member : nullptr);
        if (!known) {
            changes.emplace_back(ring::ServerSpec{std::string(server.id), server.weight, status,
                                                  std::move(context), server.max_connections,
                                                  server.ramp});
            continue;
        }
        const ring::Member& now = *member++;
        if (context) changes.emplace_back(ring::SetContext{now.id, std::move(context)});
        if (now.weight != server.weight) {
            changes.emplace_back(ring::SetWeight{now.id, server.weight});
        }
        if (now.max_connections != server.max_connections) {
            changes.emplace_back(ring::SetLimit{now.id, server.max_connections});
        }
        if (now.ramp != server.ramp) changes.emplace_back(ring::SetRamp{now.id, server.ramp});
        if (now.status != status) changes.emplace_back(ring::SetStatus{now.id, status});
    }
    unregister_until(nullptr);
    return changes;
}

}  // namespace ringway::proxy
