#include "proxy/control/server_layers.h"

#include <algorithm>
#include <set>
#include <utility>

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

bool is_there(const conf::ServersFrom& from, ServerSource source) {
    return source == ServerSource::etcd ? from.etcd.has_value() : from.dns || from.srv;
}

bool has_sources(const conf::ServersFrom& from) {
    return is_there(from, ServerSource::dns) || is_there(from, ServerSource::etcd);
}

Result<void> check_registration(const ServerLayers::Registration& server) {
    if (!is_presentable(server.id))
        return Reason("a server's id is UTF-8 without control characters");
    if (server.id.empty() || server.id.size() > ring::Limits::id_bytes) {
        return Reason(fmt::format("a server's id has 1 to {} bytes, not {}", ring::Limits::id_bytes,
                                  server.id.size()));
    }
    if (server.weight > ring::Limits::weight) {
        return Reason(fmt::format("server {}: weight {} is more than {}", server.id, server.weight,
                                  ring::Limits::weight));
    }
    return {};
}

}  // namespace

Reason ServerLayers::misfit_of(std::string_view pool, const Reason& why) {
    return Reason(fmt::format("pool {} would have {}", pool, why.text));
}

Result<void> ServerLayers::check(const conf::Config& config) const {
    for (const conf::Pool& next : config.pools) {
        if (!overrides_.contains(next.name)) continue;
        const DesiredServers servers = servers_after(next);
        const auto fits = check_ring_size(next.hash, servers.size(), weights_of(servers));
        if (fits) continue;
        return Reason(
            fmt::format("pool {}: with its overrides it has {}", next.name, fits.error().text));
    }
    return {};
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

PoolOverrides ServerLayers::settled(const conf::Pool& next, const NamedServers& file) const {
    const auto found = overrides_.find(next.name);
    if (found == overrides_.end()) return {};
    PoolOverrides overrides = found->second;
    settle(overrides, file, has_sources(next.servers_from));
    return overrides;
}

DesiredServers ServerLayers::all_desired(std::string_view pool, const PoolLayers& layers,
                                         const PoolOverrides& overrides) const {
    std::vector<Layer> all;
    for (std::size_t i = 0; i < naming_sources; ++i) {
        all.push_back(layer_of(static_cast<ServerSource>(i), layers.named[i]));
    }
    const auto words = fleet_.find(pool);
    if (words != fleet_.end()) all.push_back(layer_of(ServerSource::fleet, words->second));
    all.push_back(layer_of(ServerSource::runtime, overrides));
    return merge(all, hosts_);
}

// DNS and etcd may name too many: then they count for nothing, where the file would be refused.
std::pair<ServerLayers::PoolLayers, DesiredServers> ServerLayers::layers_after(
    const conf::Pool& next, const PoolOverrides& overrides) const {
    PoolLayers layers;
    layers.hash = next.hash;
    layers.has_sources = has_sources(next.servers_from);
    layers.of(ServerSource::file) = servers_of(next);
    DesiredServers servers = all_desired(next.name, layers, overrides);
    Sourced sourced = elsewhere_.servers_of(next);
    const auto before = pools_.find(next.name);
    for (const ServerSource source : {ServerSource::dns, ServerSource::etcd}) {
        auto& named = source == ServerSource::dns ? sourced.dns : sourced.etcd;
        // Until somebody answers what is asked now, what was known serves on.
        if (!named && is_there(next.servers_from, source) && before != pools_.end()) {
            named = before->second.of(source);
        }
        if (!named || named->empty()) continue;
        const auto take = [&](NamedServers some) -> Result<void> {
            layers.of(source) = std::move(some);
            DesiredServers more = all_desired(next.name, layers, overrides);
            const auto fits = check_ring_size(next.hash, more.size(), weights_of(more));
            if (fits) servers = std::move(more);
            return fits;
        };
        const auto fits = take(std::move(*named));
        if (fits) continue;
        layers.misfits[static_cast<std::size_t>(source)] = misfit_of(next.name, fits.error()).text;
        // What was known when it last fitted serves on.
        const bool was_there = before != pools_.end();
        if (!was_there || !take(before->second.of(source))) layers.of(source).clear();
    }
    layers.servers = servers.size();
    layers.weights = weights_of(servers);
    return {std::move(layers), std::move(servers)};
}

DesiredServers ServerLayers::servers_after(const conf::Pool& next) const {
    return layers_after(next, settled(next, servers_of(next))).second;
}

DesiredServers ServerLayers::set_file(const conf::Pool& next) {
    PoolOverrides overrides = settled(next, servers_of(next));
    auto [layers, servers] = layers_after(next, overrides);
    overrides_.erase(next.name);
    if (!overrides.empty()) overrides_.emplace(next.name, std::move(overrides));
    pools_.insert_or_assign(next.name, std::move(layers));
    return std::move(servers);
}

void ServerLayers::remove_pool(std::string_view pool) {
    pools_.erase(pools_.find(pool));
}

ServerOverrides ServerLayers::override_of(std::string_view pool, std::string_view id) const {
    const auto of_pool = overrides_.find(pool);
    if (of_pool == overrides_.end()) return {};
    const auto found = of_pool->second.find(id);
    return found == of_pool->second.end() ? ServerOverrides{} : found->second;
}

std::optional<DesiredServer> ServerLayers::desired(std::string_view pool, const PoolLayers& layers,
                                                   std::string_view id) const {
    return desired(pool, layers, id, override_of(pool, id));
}

std::optional<DesiredServer> ServerLayers::desired(std::string_view pool, const PoolLayers& layers,
                                                   std::string_view id,
                                                   const ServerOverrides& overrides) const {
    std::vector<ServerLayer> all;
    for (std::size_t i = 0; i < naming_sources; ++i) {
        const auto found = layers.named[i].find(id);
        if (found == layers.named[i].end()) continue;
        all.push_back(layer_of(static_cast<ServerSource>(i), found->second));
    }
    const auto words = fleet_.find(pool);
    if (words != fleet_.end()) {
        const auto found = words->second.find(id);
        if (found != words->second.end()) {
            all.push_back(layer_of(ServerSource::fleet, found->second));
        }
    }
    all.push_back(layer_of(ServerSource::runtime, overrides));
    return merge(all, hosts_);
}

Result<void> ServerLayers::check_exists(std::string_view pool, std::string_view id) const {
    const auto found = pools_.find(pool);
    if (found == pools_.end()) return Reason(fmt::format("no pool {}", pool));
    if (desired(pool, found->second, id)) return {};
    return Reason(fmt::format("pool {} has no server {}", pool, id));
}

// The limits hold over whatever is replaced: a server counts as it is now, and as it would be.
Result<ServerLayers::Changes> ServerLayers::replace(std::string_view pool,
                                                    const OverridesOfServers& overrides) {
    PoolLayers& layers = pools_.find(pool)->second;
    Changes changes;
    std::uint64_t servers = layers.servers;
    std::uint64_t weights = layers.weights;
    for (const auto& [id, next] : overrides) {
        const auto now = desired(pool, layers, id);
        auto then = desired(pool, layers, id, next);
        servers += static_cast<std::uint64_t>(then.has_value()) -
                   static_cast<std::uint64_t>(now.has_value());
        weights += (then ? then->weight : 0ULL) - (now ? now->weight : 0ULL);
        changes.push_back({id, !now, std::move(then), now ? now->weight : 0});
    }
    if (const auto fits = check_ring_size(layers.hash, servers, weights); !fits) {
        return misfit_of(pool, fits.error());
    }
    layers.servers = servers;
    layers.weights = weights;
    for (const auto& [id, next] : overrides) put(pool, id, next);
    return changes;
}

Result<ServerLayers::Changes> ServerLayers::replace(std::string_view pool, std::string_view id,
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

Result<ServerLayers::Changes> ServerLayers::register_servers(
    std::string_view pool, const std::vector<Registration>& servers) {
    const auto to = pools_.find(pool);
    if (to == pools_.end()) return Reason(fmt::format("no pool {}", pool));
    OverridesOfServers overrides;
    std::set<std::string_view> ids;
    for (const Registration& server : servers) {
        if (desired(pool, to->second, server.id)) {
            return Reason(fmt::format("pool {} has a server {} already", pool, server.id));
        }
        if (!ids.insert(server.id).second) {
            return Reason(fmt::format("server {} is named more than once", server.id));
        }
        if (const auto valid = check_registration(server); !valid) return valid.error();
        overrides.push_back(
            {server.id,
             {.registered = ServerOverrides::Registration{server.address, server.weight}}});
    }
    return replace(pool, overrides);
}

Result<ServerLayers::Changes> ServerLayers::unregister_server(std::string_view pool,
                                                              std::string_view id) {
    if (const auto exists = check_exists(pool, id); !exists) return exists.error();
    return replace(pool, id, {.unregistered = is_named(pools_.find(pool)->second, id)});
}

Result<ServerLayers::Changes> ServerLayers::set_admin_state(std::string_view pool,
                                                            std::string_view id,
                                                            AdminState admin_state) {
    if (const auto exists = check_exists(pool, id); !exists) return exists.error();
    ServerOverrides next = override_of(pool, id);
    next.admin_state = admin_state;
    return replace(pool, id, next);
}

Result<ServerLayers::Changes> ServerLayers::set_weight(std::string_view pool, std::string_view id,
                                                       std::uint32_t weight) {
    if (const auto exists = check_exists(pool, id); !exists) return exists.error();
    if (weight > ring::Limits::weight) {
        return Reason(fmt::format("weight {} is more than {}", weight, ring::Limits::weight));
    }
    ServerOverrides next = override_of(pool, id);
    if (next.registered) {
        next.registered->weight = weight;
    } else {
        next.weight = weight;
    }
    return replace(pool, id, next);
}

Result<ServerLayers::Changes> ServerLayers::set_address(std::string_view pool, std::string_view id,
                                                        const conf::ServerAddress& address) {
    if (const auto exists = check_exists(pool, id); !exists) return exists.error();
    ServerOverrides next = override_of(pool, id);
    if (next.registered) {
        next.registered->address = address;
    } else {
        next.address = address;
    }
    return replace(pool, id, next);
}

Result<ServerLayers::Changes> ServerLayers::forget(std::string_view pool, std::string_view id) {
    const bool is_there = pools_.contains(pool);
    if (override_of(pool, id).is_nothing()) {
        if (!is_there) return Reason(fmt::format("no pool {}", pool));
        return Reason(fmt::format("pool {}: no server {} has overrides", pool, id));
    }
    if (is_there) return replace(pool, id, {});
    put(pool, id, {});
    return Changes{};
}

}  // namespace ringway::proxy
