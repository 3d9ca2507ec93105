// What is wanted of pools, by the file and at run time.
#include "proxy/control/pools.h"

#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

namespace ringway::proxy {

Pools::Pools(boost::asio::io_context& io, std::size_t workers, Events& events, Background& builder,
             Connections connections, ServerLayers layers)
    : io_(io),
      workers_(workers),
      events_(events),
      layers_(std::move(layers)),
      checker_(io, [this](const health::HealthChange& change) { on_health_change(change); }),
      health_tools_{.checker = checker_,
                    .reported =
                        [this](const std::string& target) {
                            boost::asio::post(io_, [this, target] { on_failure_reports(target); });
                        }},
      connections_(std::move(connections)),
      publisher_(io, builder,
                 [this](const std::string& pool) { return judge(pools_.find(pool)->second); },
                 {.evict = connections_.evict, .published = connections_.published}),
      alarm_(io),
      look_(io) {
    checker_.observe([this](const health::Checked& check) { on_check(check); });
}

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

void Pools::apply(const conf::Config& config) {
    for (const conf::Pool& next : config.pools) apply(next);
}

void Pools::apply(const conf::Pool& next, const PoolTlsClients& tls) {
    Pool& pool = pools_[next.name];
    take_settings(pool, next, tls);
    const DesiredServers wanted = layers_.set_file(next);
    const std::set<std::string> renamed = rename(pool, wanted);
    std::erase_if(pool.ledger->servers, [](const auto& entry) { return entry.second.expired(); });
    std::vector<std::string> left;
    for (const auto& [id, server] : pool.servers) {
        if (!wanted.contains(id)) left.push_back(id);
    }
    const bool may_ramp = !pool.servers.empty();  // else none has more keys to lose than another
    for (const auto& [id, desired] : wanted) adopt(pool, id, desired, may_ramp);
    for (const std::string& id : left) drop(pool, id, renamed.contains(id));
    end_due_time_outs(pool, Clock::now());  // shorter ones, as a plan shows it
    publisher_.publish(next.name);
}

void Pools::drop_others(const conf::Config& config) {
    std::set<std::string_view> named;
    for (const conf::Pool& pool : config.pools) named.insert(pool.name);
    for (auto entry = pools_.begin(); entry != pools_.end();) {
        auto& [name, pool] = *entry;
        if (named.contains(name)) {
            ++entry;
            continue;
        }
        while (!pool.servers.empty()) drop(pool, pool.servers.begin()->first, false);
        publisher_.remove(name);
        layers_.remove_pool(name);
        alarms_.erase({pool.alarm, name});
        ledgers_[name] = pool.ledger;
        entry = pools_.erase(entry);
    }
    std::erase_if(ledgers_,
                  [](const auto& entry) { return entry.second->connections->live() == 0; });
}

// What the file says of the pool itself.
void Pools::take_settings(Pool& pool, const conf::Pool& from_file, const PoolTlsClients& tls) {
    if (!pool.ledger) {
        const auto left = ledgers_.find(from_file.name);
        pool.ledger = left != ledgers_.end() ? left->second : std::make_shared<PoolLedger>();
        ledgers_.erase(from_file.name);
        if (!pool.ledger->counts) {
            pool.ledger->counts = std::make_shared<PerWorker<PoolCounts>>(workers_);
        }
        pool.local.forgive(pool.counts());
    }
    pool.ring =
        &publisher_.set(from_file.name, ring_settings(from_file.hash), pool.ledger->connections);
    if (pool.settings.connect != from_file.connect) pool.local.forgive(pool.counts());
    pool.settings = from_file;
    pool.settings.servers.clear();
    pool.tls = tls;
}

// A server that comes with the address of one that leaves is that one under another id: its
// connections count for it. Returns the ids that were left.
std::set<std::string> Pools::rename(Pool& pool, const DesiredServers& wanted) {
    std::map<std::string, std::vector<std::string>> leave;  // by address
    std::map<std::string, std::vector<std::string>> come;
    for (const auto& [id, server] : pool.servers) {
        if (!wanted.contains(id)) leave[server.desired.address.to_string()].push_back(id);
    }
    if (leave.empty()) return {};
    for (const auto& [id, desired] : wanted) {
        if (!pool.servers.contains(id)) come[desired.address.to_string()].push_back(id);
    }
    std::set<std::string> renamed;
    for (const auto& [address, ids] : leave) {
        const auto found = come.find(address);
        if (ids.size() != 1 || found == come.end() || found->second.size() != 1) continue;
        const std::string& from = ids.front();
        const std::string& to = found->second.front();
        pool.ledger->connections->rename(from, to);
        pool.ledger->servers[to] = pool.servers.find(from)->second.counts;
        pool.ledger->servers.erase(from);  // who comes with that id is another
        renamed.insert(from);
        spdlog::info("pool {}: server {} is {} now, at {}", pool.settings.name, from, to, address);
    }
    return renamed;
}

void Pools::adopt(Pool& pool, const std::string& id, const DesiredServer& desired, bool may_ramp) {
    const auto known = pool.servers.find(id);
    const bool is_added = known == pool.servers.end();
    PoolServer& server = is_added ? add(pool, id, desired, may_ramp) : known->second;
    // At another address is another machine: what is known of the old one says nothing of it, and
    // its connections are to a server that was removed.
    const bool moves = !is_added && server.desired.address != desired.address;
    const bool is_new = is_added || moves;
    if (moves) {
        evict(pool,
              {.server = server.counts,
               .reason = CloseReason::server_removed,
               .address = server.desired.address},
              pool.settings.on_removed);
        cancel_eviction(pool, {.server = server.counts, .address = desired.address});
    }
    server.desired = desired;
    server.health.watch({pool.settings, pool.tls.checks}, desired, is_new, Clock::now());
}

PoolServer& Pools::add(Pool& pool, const std::string& id, const DesiredServer& desired,
                       bool ramps) {
    std::weak_ptr<PerWorker<ServerCounts>>& kept = pool.ledger->servers[id];
    std::shared_ptr<PerWorker<ServerCounts>> counts = kept.lock();
    if (counts) {
        // It is back while connections live that were to end with it.
        cancel_eviction(pool, {.server = counts});
    } else {
        counts = std::make_shared<PerWorker<ServerCounts>>(workers_);
        kept = counts;
    }
    const auto made = pool.servers.try_emplace(id, health_tools_, pool.settings.name, id, desired,
                                               std::move(counts), ramps);
    return made.first->second;
}

// `renamed`: its connections belong to another server now.
void Pools::drop(Pool& pool, const std::string& id, bool renamed) {
    const auto found = pool.servers.find(id);
    if (!renamed) {
        evict(pool, {.server = found->second.counts, .reason = CloseReason::server_removed},
              pool.settings.on_removed);
    }
    pool.servers.erase(found);
}

// Has a change at run time count.
Result<void> Pools::take_up(std::string_view pool_name,
                            const Result<ServerLayers::Changes>& changes) {
    if (!changes) return changes.error();
    if (changes->empty()) return {};
    auto& [name, pool] = *pools_.find(pool_name);
    bool all_new = true;
    const bool may_ramp = !pool.servers.empty();
    for (const ServerLayers::Change& change : *changes) {
        if (change.desired) {
            adopt(pool, change.id, *change.desired, may_ramp);
        } else if (!change.is_new) {
            drop(pool, change.id, false);
        }
        all_new = all_new && change.is_new;
    }
    layers_.on_change();
    // Whatever is new waits for the ring that is being worked out; all else is decided now.
    all_new ? publisher_.publish_next(name) : publisher_.publish(name);
    return {};
}

Result<void> Pools::register_servers(std::string_view pool,
                                     const std::vector<Registration>& servers) {
    if (const auto taken = take_up(pool, layers_.register_servers(pool, servers)); !taken)
        return taken;
    for (const Registration& server : servers) {
        spdlog::info("pool {}: server {} registered at {}", pool, server.id,
                     server.address.to_string());
        events_.add(Event::Kind::registered, pool, server.id, "at " + server.address.to_string());
    }
    return {};
}

Result<void> Pools::register_server(std::string_view pool, std::string_view id,
                                    const conf::ServerAddress& address, std::uint32_t weight) {
    return register_servers(pool, {{std::string(id), address, weight}});
}

Result<void> Pools::unregister_server(std::string_view pool, std::string_view id) {
    if (const auto taken = take_up(pool, layers_.unregister_server(pool, id)); !taken) return taken;
    spdlog::info("pool {}: server {} unregistered", pool, id);
    events_.add(Event::Kind::unregistered, pool, id, "");
    return {};
}

Result<void> Pools::take_up_and_log(std::string_view pool, std::string_view id,
                                    const Result<ServerLayers::Changes>& changes,
                                    std::string_view verb, const std::string& what) {
    if (const auto taken = take_up(pool, changes); !taken) return taken;
    spdlog::info("pool {}: server {} {} {} by hand", pool, id, verb, what);
    events_.add(Event::Kind::admin_state, pool, id, what);
    return {};
}

Result<void> Pools::set_admin_state(std::string_view pool, std::string_view id,
                                    AdminState admin_state) {
    return take_up_and_log(pool, id, layers_.set_admin_state(pool, id, admin_state), "is",
                           to_string(admin_state));
}

Result<void> Pools::set_weight(std::string_view pool, std::string_view id, std::uint32_t weight) {
    return take_up_and_log(pool, id, layers_.set_weight(pool, id, weight), "has",
                           fmt::format("weight {}", weight));
}

Result<void> Pools::set_address(std::string_view pool, std::string_view id,
                                const conf::ServerAddress& address) {
    return take_up_and_log(pool, id, layers_.set_address(pool, id, address), "has",
                           "address " + address.to_string());
}

Result<void> Pools::forget(std::string_view pool, std::string_view id) {
    if (const auto taken = take_up(pool, layers_.forget(pool, id)); !taken) return taken;
    spdlog::info("pool {}: the overrides of server {} are dropped", pool, id);
    events_.add(Event::Kind::forgotten, pool, id, "");
    return {};
}

Result<void> Pools::clear(std::string_view pool_name, std::string_view id) {
    if (const auto exists = layers_.check_exists(pool_name, id); !exists) return exists;
    Pool& pool = pools_.find(pool_name)->second;
    PoolServer& server = pool.servers.find(id)->second;
    server.health.clear({pool.settings, pool.tls.checks}, server.desired, Clock::now());
    publisher_.publish(pool.settings.name);
    spdlog::info("pool {}: what is known of server {} is cleared", pool_name, id);
    events_.add(Event::Kind::admin_state, pool_name, id, "cleared");
    return {};
}

void Pools::when_published(const std::string* pool, std::function<void()> then) {
    publisher_.when_published(pool, std::move(then));
}

}  // namespace ringway::proxy
