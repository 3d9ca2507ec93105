#include "proxy/control/server_layers.h"

#include <set>

#include <fmt/format.h>

#include "proxy/base/presentable.h"
#include "proxy/control/ring_state.h"

namespace ringway::proxy {

namespace {

std::uint64_t weights_of(const DesiredServers& servers) {
    std::uint64_t weights = 0;
    for (const auto& [id, server] : servers) weights += server.weight;
    return weights;
}

std::optional<std::string> why_invalid(const ServerLayers::Registration& server) {
    if (!is_presentable(server.id)) return "a server's id is UTF-8 without control characters";
    if (server.id.empty() || server.id.size() > ring::Limits::id_bytes) {
        return fmt::format("a server's id has 1 to {} bytes, not {}", ring::Limits::id_bytes,
                           server.id.size());
    }
    if (server.weight > ring::Limits::weight) {
        return fmt::format("server {}: weight {} is more than {}", server.id, server.weight,
                           ring::Limits::weight);
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> ServerLayers::refusal(const conf::Config& config) const {
    for (const conf::Pool& next : config.pools) {
        if (!overrides_.contains(next.name)) continue;
        const DesiredServers servers = servers_after(next);
        if (const auto reason = ring_refusal(next.hash, servers.size(), weights_of(servers))) {
            return fmt::format("pool {}: with its overrides it has {}", next.name, *reason);
        }
    }
    return std::nullopt;
}

std::vector<std::string> ServerLayers::notes_on(const conf::Config& config) const {
    std::vector<std::string> lines;
    std::set<std::string_view> named;
    for (const conf::Pool& next : config.pools) {
        named.insert(next.name);
        const auto found = overrides_.find(next.name);
        if (found == overrides_.end()) continue;
        for (std::string& line : notes(next.name, servers_of(next), found->second)) {
            lines.push_back(std::move(line));
        }
    }
    for (const auto& [pool, servers] : overrides_) {
        if (named.contains(pool)) continue;
        lines.push_back(
            fmt::format("pool {}: the overrides of {} servers have no effect without it", pool,
                        servers.size()));
    }
    return lines;
}

PoolOverrides ServerLayers::settled(const conf::Pool& next, const FileServers& file) const {
    const auto found = overrides_.find(next.name);
    if (found == overrides_.end()) return {};
    PoolOverrides overrides = found->second;
    settle(overrides, file);
    return overrides;
}

DesiredServers ServerLayers::servers_after(const conf::Pool& next) const {
    const FileServers file = servers_of(next);
    return desired_servers(file, settled(next, file));
}

DesiredServers ServerLayers::set_file(const conf::Pool& next) {
    FileServers file = servers_of(next);
    PoolOverrides overrides = settled(next, file);
    DesiredServers servers = desired_servers(file, overrides);
    overrides_.erase(next.name);
    if (!overrides.empty()) overrides_.emplace(next.name, std::move(overrides));
    pools_.insert_or_assign(
        next.name, PoolLayers{next.hash, std::move(file), servers.size(), weights_of(servers)});
    return servers;
}

void ServerLayers::remove_pool(std::string_view pool) {
    pools_.erase(pools_.find(pool));
}

const conf::Server* ServerLayers::in_file(const PoolLayers& pool, std::string_view id) const {
    const auto found = pool.file.find(id);
    return found == pool.file.end() ? nullptr : &found->second;
}

ServerOverrides ServerLayers::override_of(std::string_view pool, std::string_view id) const {
    const auto of_pool = overrides_.find(pool);
    if (of_pool == overrides_.end()) return {};
    const auto found = of_pool->second.find(id);
    return found == of_pool->second.end() ? ServerOverrides{} : found->second;
}

std::optional<DesiredServer> ServerLayers::desired(std::string_view pool, const PoolLayers& layers,
                                                   std::string_view id) const {
    const ServerOverrides overrides = override_of(pool, id);
    return desired_server(in_file(layers, id), &overrides);
}

std::optional<std::string> ServerLayers::why_missing(std::string_view pool,
                                                     std::string_view id) const {
    const auto found = pools_.find(pool);
    if (found == pools_.end()) return fmt::format("no pool {}", pool);
    if (!desired(pool, found->second, id)) return fmt::format("pool {} has no server {}", pool, id);
    return std::nullopt;
}

// The limits hold over whatever is replaced: a server counts as it is now, and as it would be.
ServerLayers::Result ServerLayers::replace(std::string_view pool,
                                           const OverridesOfServers& overrides) {
    PoolLayers& layers = pools_.find(pool)->second;
    Changes changes;
    std::uint64_t servers = layers.servers;
    std::uint64_t weights = layers.weights;
    for (const auto& [id, next] : overrides) {
        const auto now = desired(pool, layers, id);
        auto then = desired_server(in_file(layers, id), &next);
        servers += static_cast<std::uint64_t>(then.has_value()) -
                   static_cast<std::uint64_t>(now.has_value());
        weights += (then ? then->weight : 0ULL) - (now ? now->weight : 0ULL);
        changes.push_back({id, !now, std::move(then)});
    }
    if (auto reason = ring_refusal(layers.hash, servers, weights)) {
        return fmt::format("pool {} would have {}", pool, *reason);
    }
    layers.servers = servers;
    layers.weights = weights;
    for (const auto& [id, next] : overrides) put(pool, id, next);
    return changes;
}

ServerLayers::Result ServerLayers::replace(std::string_view pool, std::string_view id,
                                           const ServerOverrides& overrides) {
    return replace(pool, OverridesOfServers{{std::string(id), overrides}});
}

void ServerLayers::put(std::string_view pool, std::string_view id,
                       const ServerOverrides& overrides) {
    PoolOverrides& of_pool = overrides_[std::string(pool)];
    if (overrides.is_nothing()) {
        of_pool.erase(std::string(id));
    } else {
        of_pool.insert_or_assign(std::string(id), overrides);
    }
    if (of_pool.empty()) overrides_.erase(std::string(pool));
}

ServerLayers::Result ServerLayers::register_servers(std::string_view pool,
                                                    const std::vector<Registration>& servers) {
    const auto to = pools_.find(pool);
    if (to == pools_.end()) return fmt::format("no pool {}", pool);
    OverridesOfServers overrides;
    std::set<std::string_view> ids;
    for (const Registration& server : servers) {
        if (desired(pool, to->second, server.id)) {
            return fmt::format("pool {} has a server {} already", pool, server.id);
        }
        if (!ids.insert(server.id).second) {
            return fmt::format("server {} is named more than once", server.id);
        }
        if (auto reason = why_invalid(server)) return std::move(*reason);
        overrides.push_back(
            {server.id,
             {.registered = ServerOverrides::Registration{server.address, server.weight}}});
    }
    return replace(pool, overrides);
}

ServerLayers::Result ServerLayers::unregister_server(std::string_view pool, std::string_view id) {
    if (auto reason = why_missing(pool, id)) return std::move(*reason);
    const bool is_in_file = in_file(pools_.find(pool)->second, id) != nullptr;
    return replace(pool, id, {.unregistered = is_in_file});
}

ServerLayers::Result ServerLayers::set_admin_state(std::string_view pool, std::string_view id,
                                                   AdminState admin_state) {
    if (auto reason = why_missing(pool, id)) return std::move(*reason);
    ServerOverrides next = override_of(pool, id);
    next.admin_state = admin_state;
    return replace(pool, id, next);
}

ServerLayers::Result ServerLayers::set_weight(std::string_view pool, std::string_view id,
                                              std::uint32_t weight) {
    if (auto reason = why_missing(pool, id)) return std::move(*reason);
    if (weight > ring::Limits::weight) {
        return fmt::format("weight {} is more than {}", weight, ring::Limits::weight);
    }
    ServerOverrides next = override_of(pool, id);
    if (next.registered) {
        next.registered->weight = weight;
    } else {
        next.weight = weight;
    }
    return replace(pool, id, next);
}

ServerLayers::Result ServerLayers::set_address(std::string_view pool, std::string_view id,
                                               const conf::Endpoint& address) {
    if (auto reason = why_missing(pool, id)) return std::move(*reason);
    ServerOverrides next = override_of(pool, id);
    if (next.registered) {
        next.registered->address = address;
    } else {
        next.address = address;
    }
    return replace(pool, id, next);
}

ServerLayers::Result ServerLayers::forget(std::string_view pool, std::string_view id) {
    const bool is_there = pools_.contains(pool);
    if (override_of(pool, id).is_nothing()) {
        if (!is_there) return fmt::format("no pool {}", pool);
        return fmt::format("pool {}: no server {} has overrides", pool, id);
    }
    if (is_there) return replace(pool, id, {});
    put(pool, id, {});
    return Changes{};
}

}  // namespace ringway::proxy
