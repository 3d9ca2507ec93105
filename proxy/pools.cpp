#include "proxy/pools.h"

#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include "conf/text.h"

namespace ringway::proxy {

namespace {

std::string target_key(std::string_view pool, std::string_view id) {
    return fmt::format("{}/{}", pool, id);
}

// A pool's name has no slash; an id may have some.
std::pair<std::string, std::string> split_target_key(const std::string& key) {
    const auto slash = key.find('/');
    return {key.substr(0, slash), key.substr(slash + 1)};
}

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

// The rule of the file: UTF-8 without control characters, so that every place
// that shows an id can show it.
bool is_presentable(std::string_view id) {
    for (std::string_view rest = id; !rest.empty();) {
        const auto character = conf::first_character(rest);
        if (!character || conf::is_control(character->code)) return false;
        rest.remove_prefix(character->bytes);
    }
    return true;
}

const Server& server_of(const ring::Member& member) {
    return *static_cast<const Server*>(member.context.get());
}

}  // namespace

Pools::Pools(boost::asio::io_context& io, std::size_t workers)
    : io_(io),
      workers_(workers),
      checker_(io, [this](const health::Change& change) { on_health_change(change); }) {}

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
        changes.push_back(fmt::format("pool {} removed", entry.first));
        return true;
    });
    retarget();
    for (auto& [name, pool] : pools_) reconcile(name, pool);
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
    if (!pool.balancer || pool.settings.hash != from_file.hash) {
        pool.balancer = std::make_shared<ring::Balancer>(ring_settings(from_file.hash));
    }
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
            changes.push_back(fmt::format("pool {}: server {} added", name, next.id));
        } else if (server.address != next.address || server.weight != next.weight ||
                   server.max_connections != next.max_connections) {
            changes.push_back(fmt::format("pool {}: server {} changed", name, next.id));
        }
        server.address = next.address;
        server.weight = next.weight;
        server.max_connections = next.max_connections;
        server.source = WantedServer::Source::file;
    }
    for (auto& [id, server] : pool.servers) server.in_file = ids.contains(id);
    std::erase_if(pool.unregistered, [&](const auto& id) { return !ids.contains(id); });
    std::erase_if(pool.servers, [&](const auto& entry) {
        if (entry.second.source == WantedServer::Source::runtime) return false;
        if (ids.contains(entry.first)) return false;
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
                                    .since = Clock::now()});
    try {
        reconcile(name, to);
    } catch (const ring::Error& error) {
        to.servers.erase(to.servers.find(id));
        return error.what();
    }
    to.unregistered.erase(std::string(id));
    spdlog::info("pool {}: server {} registered at {}", pool, id, address.to_string());
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
    from.servers.erase(server);
    spdlog::info("pool {}: server {} unregistered", pool, id);
    retarget();
    reconcile(name, from);
    return std::nullopt;
}

Pools::Refusal Pools::set_draining(std::string_view pool, std::string_view id, bool draining) {
    const auto found = pools_.find(pool);
    if (found == pools_.end()) return fmt::format("no pool {}", pool);
    auto& [name, of] = *found;
    const auto server = of.servers.find(id);
    if (server == of.servers.end()) return fmt::format("pool {} has no server {}", pool, id);
    server->second.draining = draining;
    spdlog::info("pool {}: server {} {}", pool, id,
                 draining ? "drains: no new connections" : "takes new connections again");
    reconcile(name, of);
    return std::nullopt;
}

std::optional<health::View> Pools::health(std::string_view pool, std::string_view id) const {
    return checker_.view(target_key(pool, id));
}

std::string Pools::detail(std::string_view pool_name, std::string_view id) const {
    const WantedServer& server = find(pool_name)->servers.find(id)->second;
    const auto view = health(pool_name, id);
    if (view && !view->up) {
        return fmt::format("{}down: {}", server.draining ? "draining, " : "", view->last_result);
    }
    if (server.draining) return "draining";
    if (server.weight == 0) return "weight 0";
    if (!view) return "not checked";
    return view->checked ? "checked ok" : "not checked yet";
}

bool Pools::is_online(const std::string& pool, const std::string& id,
                      const WantedServer& server) const {
    if (server.draining) return false;
    const auto view = health(pool, id);
    return !view || view->up;
}

// A burst of flips becomes one change of the ring.
void Pools::on_health_change(const health::Change& change) {
    const auto [pool, id] = split_target_key(change.key);
    spdlog::log(change.up ? spdlog::level::info : spdlog::level::warn, "pool {}: server {} {}: {}",
                pool, id, change.up ? "up" : "down", change.reason);
    if (dirty_.empty()) {
        boost::asio::post(io_, [this] {
            for (const std::string& name : std::exchange(dirty_, {})) {
                const auto found = pools_.find(name);
                if (found != pools_.end()) reconcile(name, found->second);
            }
        });
    }
    dirty_.insert(pool);
}

// Has the checker check what is wanted now.
void Pools::retarget() {
    std::vector<health::Target> targets;
    for (const auto& [name, pool] : pools_) {
        if (!pool.settings.health) continue;
        for (const auto& [id, server] : pool.servers) {
            targets.push_back({.key = target_key(name, id),
                               .address = server.address,
                               .settings = *pool.settings.health});
        }
    }
    checker_.set_targets(std::move(targets));
}

// Makes the ring what is wanted, in one change, whatever brought the difference.
void Pools::reconcile(const std::string& name, Pool& pool) {
    const auto snapshot = pool.balancer->snapshot();
    std::vector<ring::Change> changes;
    for (const ring::Member& member : snapshot->members()) {
        if (!pool.servers.contains(member.id)) changes.emplace_back(ring::Unregister{member.id});
    }
    for (auto& [id, server] : pool.servers) {
        const bool online = is_online(name, id, server);
        const auto status = online ? ring::Status::online : ring::Status::offline;
        if (online != server.online) {
            server.online = online;
            server.since = Clock::now();
        }
        const ring::Member* member = snapshot->find(id);
        const bool moved = member == nullptr || server_of(*member).address != server.address;
        std::shared_ptr<void> context;
        if (moved) context = std::make_shared<Server>(Server{id, server.address, server.counts});
        if (member == nullptr) {
            changes.emplace_back(ring::ServerSpec{id, server.weight, status, std::move(context),
                                                  server.max_connections});
            continue;
        }
        if (moved) changes.emplace_back(ring::SetContext{id, std::move(context)});
        if (member->weight != server.weight) {
            changes.emplace_back(ring::SetWeight{id, server.weight});
        }
        if (member->max_connections != server.max_connections) {
            changes.emplace_back(ring::SetLimit{id, server.max_connections});
        }
        if (member->status != status) changes.emplace_back(ring::SetStatus{id, status});
    }
    if (!changes.empty()) pool.balancer->apply(changes);
}

}  // namespace ringway::proxy
