#include "proxy/pools.h"

#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "proxy/presentable.h"

namespace ringway::proxy {

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

Pools::Pools(boost::asio::io_context& io, std::size_t workers, Events& events,
             Connections connections)
    : io_(io),
      workers_(workers),
      events_(events),
      checker_(io, [this](const health::Change& change) { on_health_change(change); }),
      connections_(std::move(connections)),
      alarm_(io),
      look_(io) {}

void Pools::stop() {
    stopped_ = true;
    checker_.stop();
    alarm_.cancel();
    look_.cancel();
}

const Pool* Pools::find(std::string_view pool) const {
    const auto found = pools_.find(pool);
    return found == pools_.end() ? nullptr : &found->second;
}

SaidOfPool Pools::said_of(std::string_view pool) const {
    const auto found = said_.find(pool);
    return found == said_.end() ? SaidOfPool{} : found->second;
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
        pool.local.forgive();
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
    if (!pool.balancer || pool.settings.hash != from_file.hash) {
        pool.balancer = std::make_shared<ring::Balancer>(ring_settings(from_file.hash));
    }
    if (!pool.counts) pool.counts = std::make_shared<PerWorker<PoolCounts>>(workers_);
    pool.settings = from_file;
    pool.settings.servers.clear();
    pool.in_file = servers_of(from_file);

    SaidOfPool said = said_of(name);
    for (std::string& note : notes(name, pool.in_file, said)) changes.push_back(std::move(note));
    settle(said, pool.in_file);
    said_.erase(name);
    if (!said.empty()) said_.emplace(name, std::move(said));
    adopt(name, pool, changes);
}

// Makes the servers what file and run time together want.
void Pools::adopt(const std::string& name, Pool& pool, std::vector<std::string>& changes) {
    auto wanted = wishes(pool.in_file, said_of(name));
    // Where all are new none has more keys to lose than another.
    const bool all_new = pool.servers.empty() && pool.balancer->snapshot()->members().empty();
    for (auto& [id, wish] : wanted) {
        auto [entry, added] = pool.servers.try_emplace(id);
        WantedServer& server = entry->second;
        if (added) {
            server.since = Clock::now();
            server.counts = std::make_shared<PerWorker<ServerCounts>>(workers_);
            server.came_with_pool = all_new;
            if (!all_new) server.ramps_since = server.since;
            changes.push_back(fmt::format("pool {}: server {} added", name, id));
        } else if (server.address != wish.address || server.weight != wish.weight ||
                   server.max_connections != wish.max_connections ||
                   server.check_address != wish.check_address) {
            changes.push_back(fmt::format("pool {}: server {} changed", name, id));
        }
        if (server.address != wish.address) server.is_new = true;
        static_cast<Wish&>(server) = std::move(wish);
    }
    std::erase_if(pool.servers, [&](const auto& entry) {
        if (wanted.contains(entry.first)) return false;
        remove(pool, entry.second);
        changes.push_back(fmt::format("pool {}: server {} removed", name, entry.first));
        return true;
    });
}

// Has `said` count for a server of a pool that is there: all of it, or nothing changes.
Pools::Refusal Pools::say(std::string_view pool_name, std::string_view id, const Said& said) {
    auto& [name, pool] = *pools_.find(pool_name);
    const Said before = what_was_said(name, id);
    std::vector<std::string> ignored;
    put(name, id, said);
    adopt(name, pool, ignored);
    equip(name, pool);
    Refusal refusal;
    try {
        reconcile(name, pool);
    } catch (const ring::Error& error) {
        refusal = error.what();
        put(name, id, before);
        adopt(name, pool, ignored);
    }
    retarget();
    return refusal;
}

Said Pools::what_was_said(std::string_view pool, std::string_view id) const {
    const auto of_pool = said_.find(pool);
    if (of_pool == said_.end()) return {};
    const auto found = of_pool->second.find(id);
    return found == of_pool->second.end() ? Said{} : found->second;
}

void Pools::put(std::string_view pool, std::string_view id, const Said& said) {
    SaidOfPool& of_pool = said_[std::string(pool)];
    if (said.is_nothing()) {
        of_pool.erase(std::string(id));
    } else {
        of_pool.insert_or_assign(std::string(id), said);
    }
    if (of_pool.empty()) said_.erase(std::string(pool));
}

Pools::Refusal Pools::register_server(std::string_view pool, std::string_view id,
                                      const conf::Endpoint& address, std::uint32_t weight) {
    const Pool* const to = find(pool);
    if (to == nullptr) return fmt::format("no pool {}", pool);
    if (to->servers.contains(id)) return fmt::format("pool {} has a server {} already", pool, id);
    if (!is_presentable(id)) return "a server's id is UTF-8 without control characters";
    if (auto refusal = say(pool, id, {.registered = Said::Registration{address, weight}})) {
        return refusal;
    }
    spdlog::info("pool {}: server {} registered at {}", pool, id, address.to_string());
    events_.add(Event::Kind::registered, pool, id, "at " + address.to_string());
    return std::nullopt;
}

Pools::Refusal Pools::unregister_server(std::string_view pool, std::string_view id) {
    const Pool* const from = find(pool);
    if (from == nullptr) return fmt::format("no pool {}", pool);
    if (!from->servers.contains(id)) return fmt::format("pool {} has no server {}", pool, id);
    if (auto refusal = say(pool, id, {.unregistered = from->in_file.contains(id)})) return refusal;
    spdlog::info("pool {}: server {} unregistered", pool, id);
    events_.add(Event::Kind::unregistered, pool, id, "");
    return std::nullopt;
}

Pools::Refusal Pools::set_override(std::string_view pool, std::string_view id, Override by_hand) {
    const Pool* const of = find(pool);
    if (of == nullptr) return fmt::format("no pool {}", pool);
    if (!of->servers.contains(id)) return fmt::format("pool {} has no server {}", pool, id);
    Said next = what_was_said(pool, id);
    next.by_hand = by_hand;
    if (auto refusal = say(pool, id, next)) return refusal;
    spdlog::info("pool {}: server {} is {} by hand", pool, id, to_string(by_hand));
    events_.add(Event::Kind::by_hand, pool, id, to_string(by_hand));
    return std::nullopt;
}

Pools::Refusal Pools::forget(std::string_view pool, std::string_view id) {
    const bool is_there = find(pool) != nullptr;
    if (what_was_said(pool, id).is_nothing()) {
        if (!is_there) return fmt::format("no pool {}", pool);
        return fmt::format("pool {}: nothing was said of a server {} at run time", pool, id);
    }
    if (!is_there) {
        put(pool, id, {});
    } else if (auto refusal = say(pool, id, {})) {
        return refusal;
    }
    spdlog::info("pool {}: what was said of server {} at run time is forgotten", pool, id);
    events_.add(Event::Kind::forgotten, pool, id, "");
    return std::nullopt;
}

}  // namespace ringway::proxy
