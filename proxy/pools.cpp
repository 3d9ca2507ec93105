#include "proxy/pools.h"

#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "proxy/presentable.h"

namespace ringway::proxy {

namespace {

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

}  // namespace

Pools::Pools(boost::asio::io_context& io, std::size_t workers, Events& events,
             Connections connections)
    : io_(io),
      workers_(workers),
      events_(events),
      checker_(io, [this](const health::Change& change) { on_health_change(change); }),
      connections_(std::move(connections)),
      alarm_(io) {}

void Pools::stop() {
    stopped_ = true;
    checker_.stop();
    alarm_.cancel();
}

const Pool* Pools::find(std::string_view pool) const {
    const auto found = pools_.find(pool);
    return found == pools_.end() ? nullptr : &found->second;
}

// The file alone fits its rings (conf/ sees to that); with what was registered at
// run time it may not.
std::optional<std::string> Pools::refusal(const conf::Config& config) const {
    for (const conf::Pool& next : config.pools) {
        const Pool* now = find(next.name);
        if (now == nullptr) continue;
        std::map<std::string_view, std::uint32_t> weights;
        for (const auto& [id, server] : now->servers) {
            if (server.source == WantedServer::Source::runtime) weights[id] = server.weight;
        }
        for (const conf::Server& server : next.servers) weights[server.id] = server.weight;
        std::uint64_t points = 0;
        for (const auto& [id, weight] : weights) points += std::uint64_t{weight} * next.hash.vnodes;
        if (points > ring::Limits::points || weights.size() > ring::Limits::servers) {
            return fmt::format(
                "pool {}: with the servers registered at run time it has {} servers and {} points; "
                "a ring takes {} and {}",
                next.name, weights.size(), points, ring::Limits::servers, ring::Limits::points);
        }
    }
    return std::nullopt;
}

std::vector<std::string> Pools::apply(const conf::Config& config) {
    std::vector<std::string> changes;
    std::set<std::string_view> named;
    for (const conf::Pool& next : config.pools) {
        named.insert(next.name);
        merge(pools_[next.name], next, changes);
    }
    std::erase_if(pools_, [&](const auto& entry) {
        if (named.contains(entry.first)) return false;
        for (const auto& [id, server] : entry.second.servers) remove(entry.second, server);
        changes.push_back(fmt::format("pool {} removed", entry.first));
        return true;
    });
    retarget();
    for (auto& [name, pool] : pools_) {
        equip(name, pool);
        reconcile(name, pool);
    }
    return changes;
}

// What `from_file` says of the pool, over what was said at run time.
void Pools::merge(Pool& pool, const conf::Pool& from_file, std::vector<std::string>& changes) {
    const std::string& name = from_file.name;
    if (!pool.balancer) {
        changes.push_back(fmt::format("pool {} added", name));
    } else if (pool.settings.hash != from_file.hash) {
        changes.push_back(fmt::format("pool {}: hash settings changed, keys move", name));
    }
    if (pool.balancer && pool.settings.connect != from_file.connect) {
        changes.push_back(fmt::format("pool {}: connect settings changed", name));
    }
    if (pool.balancer && pool.settings.health != from_file.health) {
        changes.push_back(fmt::format("pool {}: health settings changed", name));
    }
    if (pool.balancer &&
        (pool.settings.passive != from_file.passive || pool.settings.panic != from_file.panic ||
         pool.settings.on_down != from_file.on_down ||
         pool.settings.on_removed != from_file.on_removed ||
         pool.settings.slow_start != from_file.slow_start)) {
        changes.push_back(fmt::format("pool {}: what follows a failure changed", name));
    }
    const bool is_new = !pool.balancer;
    if (!pool.balancer || pool.settings.hash != from_file.hash) {
        pool.balancer = std::make_shared<ring::Balancer>(ring_settings(from_file.hash));
    }
    if (!pool.counts) pool.counts = std::make_shared<PerWorker<PoolCounts>>(workers_);
    pool.settings = from_file;
    pool.settings.servers.clear();

    std::set<std::string_view> ids;
    for (const conf::Server& next : from_file.servers) {
        ids.insert(next.id);
        if (pool.unregistered.contains(next.id)) {
            changes.push_back(fmt::format(
                "pool {}: server {} stays away: it was unregistered at run time", name, next.id));
            continue;
        }
        auto [entry, added] = pool.servers.try_emplace(next.id);
        WantedServer& server = entry->second;
        if (added) {
            server.since = Clock::now();
            server.counts = std::make_shared<PerWorker<ServerCounts>>(workers_);
            // Where all are new none has more keys to lose than another.
            if (!is_new) server.ramps_since = server.since;
            changes.push_back(fmt::format("pool {}: server {} added", name, next.id));
        } else if (server.address != next.address || server.weight != next.weight ||
                   server.max_connections != next.max_connections ||
                   server.check_address != next.check_address) {
            changes.push_back(fmt::format("pool {}: server {} changed", name, next.id));
        }
        server.address = next.address;
        server.weight = next.weight;
        server.max_connections = next.max_connections;
        server.check_address = next.check_address;
        server.source = WantedServer::Source::file;
    }
    for (auto& [id, server] : pool.servers) server.in_file = ids.contains(id);
    std::erase_if(pool.unregistered, [&](const auto& id) { return !ids.contains(id); });
    std::erase_if(pool.servers, [&](const auto& entry) {
        if (entry.second.source == WantedServer::Source::runtime) return false;
        if (ids.contains(entry.first)) return false;
        remove(pool, entry.second);
        changes.push_back(fmt::format("pool {}: server {} removed", name, entry.first));
        return true;
    });
}

Pools::Refusal Pools::register_server(std::string_view pool, std::string_view id,
                                      const conf::Endpoint& address, std::uint32_t weight) {
    const auto found = pools_.find(pool);
    if (found == pools_.end()) return fmt::format("no pool {}", pool);
    auto& [name, to] = *found;
    if (to.servers.contains(id)) return fmt::format("pool {} has a server {} already", pool, id);
    if (!is_presentable(id)) return "a server's id is UTF-8 without control characters";
    to.servers.emplace(id,
                       WantedServer{.address = address,
                                    .weight = weight,
                                    .source = WantedServer::Source::runtime,
                                    .in_file = to.unregistered.contains(id),
                                    .counts = std::make_shared<PerWorker<ServerCounts>>(workers_),
                                    .since = Clock::now(),
                                    .ramps_since = Clock::now()});
    equip(name, to);
    try {
        reconcile(name, to);
    } catch (const ring::Error& error) {
        to.servers.erase(to.servers.find(id));
        return error.what();
    }
    to.unregistered.erase(std::string(id));
    spdlog::info("pool {}: server {} registered at {}", pool, id, address.to_string());
    events_.add(Event::Kind::registered, pool, id, "at " + address.to_string());
    retarget();
    return std::nullopt;
}

Pools::Refusal Pools::unregister_server(std::string_view pool, std::string_view id) {
    const auto found = pools_.find(pool);
    if (found == pools_.end()) return fmt::format("no pool {}", pool);
    auto& [name, from] = *found;
    const auto server = from.servers.find(id);
    if (server == from.servers.end()) return fmt::format("pool {} has no server {}", pool, id);
    if (server->second.in_file) from.unregistered.emplace(id);
    remove(from, server->second);
    from.servers.erase(server);
    spdlog::info("pool {}: server {} unregistered", pool, id);
    events_.add(Event::Kind::unregistered, pool, id, "");
    retarget();
    reconcile(name, from);
    return std::nullopt;
}

Pools::Refusal Pools::set_override(std::string_view pool, std::string_view id, Override by_hand) {
    const auto found = pools_.find(pool);
    if (found == pools_.end()) return fmt::format("no pool {}", pool);
    auto& [name, of] = *found;
    const auto server = of.servers.find(id);
    if (server == of.servers.end()) return fmt::format("pool {} has no server {}", pool, id);
    server->second.by_hand = by_hand;
    spdlog::info("pool {}: server {} is {} by hand", pool, id, to_string(by_hand));
    events_.add(Event::Kind::by_hand, pool, id, to_string(by_hand));
    reconcile(name, of);
    return std::nullopt;
}

}  // namespace ringway::proxy
