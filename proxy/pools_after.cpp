// What the rings would be under another configuration, without a change to any.
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "proxy/pools.h"

namespace ringway::proxy {

std::shared_ptr<const ring::Snapshot> ring_of(const conf::Pool& pool) {
    ring::Balancer balancer(ring_settings(pool.hash));
    std::vector<ring::Change> changes;
    for (const conf::Server& server : pool.servers) {
        changes.emplace_back(ring::ServerSpec{.id = server.id, .weight = server.weight});
    }
    balancer.apply(changes);
    return balancer.snapshot();
}

// The file alone fits its rings (conf/ sees to that); with what was registered at
// run time it may not.
std::optional<std::string> Pools::refusal(const conf::Config& config) const {
    for (const conf::Pool& next : config.pools) {
        const FileServers file = servers_of(next);
        SaidOfPool said = said_of(next.name);
        settle(said, file);
        const auto wanted = wishes(file, said);
        std::uint64_t points = 0;
        for (const auto& [id, wish] : wanted) {
            points += std::uint64_t{wish.weight} * next.hash.vnodes;
        }
        if (wanted.size() > ring::Limits::servers) {
            return fmt::format(
                "pool {}: with the servers registered at run time it has {} servers; "
                "a pool takes {}",
                next.name, wanted.size(), ring::Limits::servers);
        }
        const bool has_points = next.hash.algorithm == conf::HashSettings::Algorithm::ring;
        if (has_points && points > ring::Limits::points) {
            return fmt::format(
                "pool {}: with the servers registered at run time it has {} points; "
                "a ring takes {}",
                next.name, points, ring::Limits::points);
        }
    }
    return std::nullopt;
}

Rings Pools::rings() const {
    Rings rings;
    for (const auto& [name, pool] : pools_) rings.emplace(name, pool.balancer->snapshot());
    return rings;
}

Rings Pools::rings_after(const conf::Config& config) const {
    Rings rings;
    for (const conf::Pool& next : config.pools) rings.emplace(next.name, ring_after(next));
    return rings;
}

std::vector<std::string> Pools::notes_on(const conf::Config& config) const {
    std::vector<std::string> lines;
    std::set<std::string_view> named;
    for (const conf::Pool& next : config.pools) {
        named.insert(next.name);
        for (std::string& line : notes(next.name, servers_of(next), said_of(next.name))) {
            lines.push_back(std::move(line));
        }
    }
    for (const auto& [pool, servers] : said_) {
        if (named.contains(pool)) continue;
        lines.push_back(fmt::format(
            "pool {}: what was said of {} servers at run time counts for nothing without it", pool,
            servers.size()));
    }
    return lines;
}

std::shared_ptr<const ring::Snapshot> Pools::ring_after(const conf::Pool& next) const {
    const Pool* const now = find(next.name);
    const FileServers file = servers_of(next);
    SaidOfPool said = said_of(next.name);
    settle(said, file);
    const auto wanted = wishes(file, said);

    const auto server_now = [&](const std::string& id) -> const WantedServer* {
        if (now == nullptr) return nullptr;
        const auto found = now->servers.find(id);
        return found == now->servers.end() ? nullptr : &found->second;
    };
    // What is known of a server now, as far as anybody will want to know it.
    const auto seems_up_then = [&](const std::string& id) {
        const WantedServer* const server = server_now(id);
        if (server == nullptr) return true;
        if (next.passive && server->away_until) return false;
        const auto view = next.health ? health(next.name, id) : std::nullopt;
        return !view || view->up;
    };
    std::size_t up = 0;
    std::size_t all = 0;
    for (const auto& [id, wish] : wanted) {
        if (wish.weight == 0 || wish.by_hand != Override::automatic) continue;
        ++all;
        if (seems_up_then(id)) ++up;
    }
    const bool panics = health::panics(up, all, next.panic);

    const bool same_ring = now != nullptr && now->settings.hash == next.hash;
    const auto base =
        same_ring ? now->balancer->snapshot() : ring::Balancer(ring_settings(next.hash)).snapshot();
    std::vector<ring::Change> changes;
    for (const ring::Member& member : base->members()) {
        if (!wanted.contains(member.id)) changes.emplace_back(ring::Unregister{member.id});
    }
    for (const auto& [id, wish] : wanted) {
        const bool online = standing_of(seems_up_then(id), wish.by_hand, panics).online;
        const bool drains = wish.by_hand == Override::drain;
        const auto status = online   ? ring::Status::online
                            : drains ? ring::Status::draining
                                     : ring::Status::offline;
        const WantedServer* const server = server_now(id);
        const bool ramps = server != nullptr && next.slow_start.count() > 0;
        const std::uint32_t ramp = ramps ? server->ramp : ring::full_ramp;
        if (base->find(id) == nullptr) {
            changes.emplace_back(
                ring::ServerSpec{.id = id, .weight = wish.weight, .status = status, .ramp = ramp});
            continue;
        }
        changes.emplace_back(ring::SetWeight{id, wish.weight});
        changes.emplace_back(ring::SetRamp{id, ramp});
        changes.emplace_back(ring::SetStatus{id, status});
    }
    return ring::preview(base, changes);
}

}  // namespace ringway::proxy
