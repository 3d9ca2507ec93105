#include "proxy/control/pools.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

#include "health/source.h"
#include "proxy/base/access_log.h"
#include "proxy/base/presentable.h"
#include "proxy/keys/proxy_header.h"
#include "proxy/text/escape.h"

namespace ringway::proxy {

namespace {

void debug_check(const health::Checked& check) {
    if (!logs_debug()) return;
    const std::chrono::duration<double, std::milli> took = check.took;
    spdlog::debug("check of {} at {}: {} after {:.1f} ms", escaped(check.target.key),
                  escaped(check.target.address.to_string()),
                  check.detail.empty() ? check.result : check.detail, took.count());
}

}  // namespace

Pools::Pools(boost::asio::io_context& io, std::size_t workers, Events& events, Background& builder,
             Connections connections)
    : io_(io),
      workers_(workers),
      events_(events),
      checker_(io, [this](const health::HealthChange& change) { on_health_change(change); }),
      connections_(std::move(connections)),
      publisher_(
          io, builder, [this](const std::string& pool) { return judge(pools_.find(pool)->second); },
          connections_.evict),
      alarm_(io),
      look_(io) {
    checker_.observe(debug_check);
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

PoolOverrides Pools::overrides_of(std::string_view pool) const {
    const auto found = overrides_.find(pool);
    return found == overrides_.end() ? PoolOverrides{} : found->second;
}

void Pools::apply(const conf::Config& config) {
    for (const conf::Pool& next : config.pools) apply(next);
}

void Pools::apply(const conf::Pool& next) {
    Pool& pool = pools_[next.name];
    take(pool, next);
    PoolOverrides overrides = overrides_of(next.name);
    settle(overrides, pool.in_file);
    overrides_.erase(next.name);
    if (!overrides.empty()) overrides_.emplace(next.name, std::move(overrides));
    adopt_all(pool);
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
        alarms_.erase({pool.alarm, name});
        ledgers_[name] = pool.ledger;
        entry = pools_.erase(entry);
    }
    std::erase_if(ledgers_,
                  [](const auto& entry) { return entry.second->connections->live() == 0; });
}

// What the file says of the pool itself.
void Pools::take(Pool& pool, const conf::Pool& from_file) {
    if (!pool.ledger) {
        const auto left = ledgers_.find(from_file.name);
        pool.ledger = left != ledgers_.end() ? left->second : std::make_shared<PoolLedger>();
        ledgers_.erase(from_file.name);
        if (!pool.ledger->counts) {
            pool.ledger->counts = std::make_shared<PerWorker<PoolCounts>>(workers_);
        }
        pool.counts = pool.ledger->counts;
        forgive_local_faults(pool);
    }
    pool.ring =
        &publisher_.set(from_file.name, ring_settings(from_file.hash), pool.ledger->connections);
    if (pool.settings.connect != from_file.connect) forgive_local_faults(pool);
    pool.settings = from_file;
    pool.settings.servers.clear();
    pool.in_file = servers_of(from_file);
}

// Makes the servers of a pool what file and run time together want.
void Pools::adopt_all(Pool& pool) {
    auto wanted = desired_servers(pool.in_file, overrides_of(pool.settings.name));
    const std::set<std::string> renamed = rename(pool, wanted);
    std::erase_if(pool.ledger->servers, [](const auto& entry) { return entry.second.expired(); });
    std::vector<std::string> left;
    for (const auto& [id, server] : pool.servers) {
        if (!wanted.contains(id)) left.push_back(id);
    }
    // Where all are new none has more keys to lose than another.
    const bool all_new = pool.servers.empty() && pool.ring->snapshot()->members().empty();
    for (auto& [id, desired] : wanted) adopt(pool, id, std::move(desired), !all_new);
    for (const std::string& id : left) drop(pool, id, renamed.contains(id));
}

// A server that comes with the address of one that leaves is that one under another id: its
// connections count for it. Returns the ids that were left.
std::set<std::string> Pools::rename(Pool& pool, const DesiredServers& wanted) {
    std::map<std::string, std::vector<std::string>> leave;  // by address
    std::map<std::string, std::vector<std::string>> come;
    for (const auto& [id, server] : pool.servers) {
        if (!wanted.contains(id)) leave[server.address.to_string()].push_back(id);
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

void Pools::adopt(Pool& pool, const std::string& id, DesiredServer desired, bool may_ramp) {
    const auto known = pool.servers.find(id);
    PoolServer& server = known != pool.servers.end() ? known->second : add(pool, id, may_ramp);
    if (known != pool.servers.end() && server.address != desired.address) {
        // Another machine: what is known of the old one says nothing of it.
        server.failure_reports.reset();
        server.passive.reset();
    }
    const bool is_new = known == pool.servers.end() || server.address != desired.address;
    static_cast<DesiredServer&>(server) = std::move(desired);
    equip(pool, server);
    check(pool, server, is_new);
}

PoolServer& Pools::add(Pool& pool, const std::string& id, bool ramps) {
    PoolServer& server = pool.servers[id];
    server.target = fmt::format("{}/{}", pool.settings.name, id);
    server.since = Clock::now();
    server.came_with_pool = !ramps;
    if (ramps) server.ramps_since = server.since;
    std::weak_ptr<PerWorker<ServerCounts>>& counts = pool.ledger->servers[id];
    server.counts = counts.lock();
    if (server.counts) {
        cancel_eviction(pool,
                        server);  // it is back while connections live that were to end with it
    } else {
        server.counts = std::make_shared<PerWorker<ServerCounts>>(workers_);
        counts = server.counts;
    }
    return server;
}

// Has the workers tell of failures where somebody wants to know.
void Pools::equip(const Pool& pool, PoolServer& server) {
    if (!pool.settings.passive) {
        server.failure_reports.reset();
        server.passive.reset();
    } else if (server.passive) {
        server.passive->set_settings(*pool.settings.passive);
    } else {
        server.passive.emplace(*pool.settings.passive);
        server.failure_reports = std::make_shared<FailureReports>([this, target = server.target] {
            boost::asio::post(io_, [this, target] { on_failure_reports(target); });
        });
    }
}

// Has the server checked as its pool wants it. Checks and time-outs hand over to one
// another: checks that are new bring back a server whose time-out goes on, and where they
// end a server that they have found up is in none. One that `is_new` may have to wait for
// its first check.
void Pools::check(const Pool& pool, PoolServer& server, bool is_new) {
    const auto known = checker_.view(server.target);
    if (!pool.settings.health) {
        if (known && known->up && server.passive) server.passive->end_time_out(Clock::now());
        return checker_.remove_target(server.target);
    }
    // A check that goes elsewhere speaks to somebody who was not promised a header.
    const auto version = pool.settings.send_proxy.version;
    const bool has_preface = version != conf::SendProxy::Version::none && !server.check_address;
    const bool waits = pool.settings.health->initial == conf::HealthSettings::Initial::down;
    health::Target target{.key = server.target,
                          .address = server.check_address.value_or(server.address),
                          .settings = *pool.settings.health,
                          .preface = has_preface ? local_proxy_header(version) : "",
                          .starts_down = is_new && waits};
    const auto* const source = health::source_for(pool.settings.connect, target.address);
    if (source != nullptr) target.source = *source;
    checker_.set_target(std::move(target));
    // New ones, and those that go elsewhere from now on, know nothing of a time-out.
    if (!server.passive) return;
    if (const auto time_out = server.passive->time_out()) {
        checker_.take_down(server.target, to_string(time_out->reason));
    }
}

// `renamed`: its connections belong to another server now.
void Pools::drop(Pool& pool, const std::string& id, bool renamed) {
    const auto found = pool.servers.find(id);
    if (!renamed) evict(pool, found->second, CloseReason::server_removed, pool.settings.on_removed);
    checker_.remove_target(found->second.target);
    pool.servers.erase(found);
}

// Has `said` count for servers of a pool that is there: all of it, or nothing changes.
Pools::Refusal Pools::override_servers(std::string_view pool_name,
                                       const OverridesOfServers& overrides) {
    auto& [name, pool] = *pools_.find(pool_name);
    std::vector<std::optional<DesiredServer>> next;
    std::uint64_t servers = pool.servers.size();
    std::uint64_t weights = 0;
    for (const auto& [id, server] : pool.servers) weights += server.weight;
    bool only_new = true;
    for (const auto& [id, of_server] : overrides) {
        const auto in_file = pool.in_file.find(id);
        next.push_back(
            desired_server(in_file == pool.in_file.end() ? nullptr : &in_file->second, &of_server));
        if (const auto known = pool.servers.find(id); known != pool.servers.end()) {
            only_new = false;
            --servers;
            weights -= known->second.weight;
        }
        if (!next.back()) continue;
        ++servers;
        weights += next.back()->weight;
    }
    if (auto refusal = ring_refusal(pool.settings.hash, servers, weights)) {
        return fmt::format("pool {} would have {}", name, *refusal);
    }
    for (std::size_t i = 0; i < overrides.size(); ++i) {
        const auto& [id, of_server] = overrides[i];
        put(name, id, of_server);
        if (next[i]) {
            adopt(pool, id, std::move(*next[i]), !pool.servers.empty());
        } else if (pool.servers.contains(id)) {
            drop(pool, id, false);
        }
    }
    // Whatever is new waits for the ring that is being worked out; all else is decided now.
    only_new ? publisher_.publish_next(name) : publisher_.publish(name);
    return std::nullopt;
}

Pools::Refusal Pools::override_servers(std::string_view pool, std::string_view id,
                                       const ServerOverrides& overrides) {
    return override_servers(pool, OverridesOfServers{{std::string(id), overrides}});
}

ServerOverrides Pools::overrides_of_server(std::string_view pool, std::string_view id) const {
    const auto of_pool = overrides_.find(pool);
    if (of_pool == overrides_.end()) return {};
    const auto found = of_pool->second.find(id);
    return found == of_pool->second.end() ? ServerOverrides{} : found->second;
}

void Pools::put(std::string_view pool, std::string_view id, const ServerOverrides& overrides) {
    PoolOverrides& of_pool = overrides_[std::string(pool)];
    if (overrides.is_nothing()) {
        of_pool.erase(std::string(id));
    } else {
        of_pool.insert_or_assign(std::string(id), overrides);
    }
    if (of_pool.empty()) overrides_.erase(std::string(pool));
}

Pools::Refusal Pools::needs_server(std::string_view pool, std::string_view id) const {
    const Pool* const of = find(pool);
    if (of == nullptr) return fmt::format("no pool {}", pool);
    if (!of->servers.contains(id)) return fmt::format("pool {} has no server {}", pool, id);
    return std::nullopt;
}

}  // namespace ringway::proxy
