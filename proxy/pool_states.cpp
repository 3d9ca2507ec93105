// What is known of the servers of pools, and what the rings are made of it.
#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>

#include "health/slow_start.h"
#include "health/source.h"
#include "proxy/keys/proxy_header.h"
#include "proxy/pools.h"

namespace ringway::proxy {

namespace {

// Steps and returns that are due within so long share one change of their ring.
constexpr std::chrono::milliseconds alarm_tick{10};

std::string target_key(std::string_view pool, std::string_view id) {
    return fmt::format("{}/{}", pool, id);
}

// A pool's name has no slash; an id may have some.
std::pair<std::string, std::string> split_target_key(const std::string& key) {
    const auto slash = key.find('/');
    return {key.substr(0, slash), key.substr(slash + 1)};
}

const Server& server_of(const ring::Member& member) {
    return *static_cast<const Server*>(member.context.get());
}

ring::Status ring_status(const WantedServer& server) {
    if (server.online) return ring::Status::online;
    return server.by_hand == Override::drain ? ring::Status::draining : ring::Status::offline;
}

// Whether a server waits for its first check before it gets a key.
bool starts_down(const Pool& pool, const WantedServer& server) {
    const auto& health = pool.settings.health;
    return server.is_new && health && health->initial == conf::HealthSettings::Initial::down;
}

Clock::duration time_of(const conf::Leaving& leaving) {
    return leaving.way == conf::Leaving::Way::drain ? leaving.over : conf::Duration(0);
}

}  // namespace

std::optional<health::View> Pools::health(std::string_view pool, std::string_view id) const {
    return checker_.view(target_key(pool, id));
}

std::string Pools::detail(std::string_view pool_name, std::string_view id) const {
    const Pool& pool = *find(pool_name);
    const WantedServer& server = pool.servers.find(id)->second;
    const auto view = health(pool_name, id);
    std::string by_hand;
    if (server.by_hand == Override::drain) by_hand = "draining";
    if (server.by_hand == Override::online) by_hand = "online by hand";
    if (server.by_hand == Override::offline) by_hand = "offline by hand";
    if (awaits_check(pool_name, id, server)) {
        return by_hand + (by_hand.empty() ? "" : ", ") + "down: not checked yet";
    }
    if (!seems_up(pool_name, id, server)) {
        const bool ignored = server.by_hand == Override::automatic && pool.panics;
        const bool unseen = view && !view->not_run_why.empty();
        return fmt::format("{}{}down: {}{}{}", by_hand, by_hand.empty() ? "" : ", ",
                           server.failed_by.empty() ? view->last_result : server.failed_by,
                           unseen ? ", not checked: " + view->not_run_why : "",
                           ignored ? ", ignored in a panic" : "");
    }
    if (!by_hand.empty()) return by_hand;
    if (server.weight == 0) return "weight 0";
    if (const auto fault = local_fault(pool)) return "cannot be dialled: " + *fault;
    if (view && !view->not_run_why.empty()) return "not checked: " + view->not_run_why;
    if (server.ramp < ring::full_ramp) {
        return fmt::format("ramping, {} % of its points", server.ramp / 10);
    }
    if (!view) return "not checked";
    return view->checked ? "checked ok" : "not checked yet";
}

bool Pools::seems_up(std::string_view pool, std::string_view id, const WantedServer& server) const {
    if (server.away_until || awaits_check(pool, id, server)) return false;
    const auto view = health(pool, id);
    return !view || view->up;
}

// Whether the server gets no key because its first check has not ended yet.
bool Pools::awaits_check(std::string_view pool, std::string_view id,
                         const WantedServer& server) const {
    if (server.is_new) return starts_down(*find(pool), server);
    const auto view = health(pool, id);
    return view && view->awaited;
}

void Pools::on_health_change(const health::Change& change) {
    const auto [pool, id] = split_target_key(change.key);
    spdlog::log(change.up ? spdlog::level::info : spdlog::level::warn, "pool {}: server {} {}: {}",
                pool, id, change.up ? "up" : "down", change.reason);
    events_.add(change.up ? Event::Kind::server_up : Event::Kind::server_down, pool, id,
                change.reason);
    if (const auto found = pools_.find(pool); found != pools_.end()) {
        if (const auto server = found->second.servers.find(id);
            server != found->second.servers.end()) {
            server->second.failed_by.clear();
        }
    }
    reconcile_soon(pool);
}

// Connections to a server have failed. Where it is checked its checks bring it back, else
// time does.
void Pools::on_trouble(const std::string& key) {
    const auto [name, id] = split_target_key(key);
    const auto found = pools_.find(name);
    if (found == pools_.end()) return;
    Pool& pool = found->second;
    const auto entry = pool.servers.find(id);
    if (entry == pool.servers.end() || !entry->second.trouble) return;
    WantedServer& server = entry->second;
    const auto [connects, resets] = server.trouble->take();
    if (server.by_hand != Override::automatic || !seems_up(name, id, server)) return;

    const TimePoint now = Clock::now();
    const auto fails = [&](health::Failure kind, std::uint32_t count, std::uint64_t successes) {
        return count > 0 && server.passive->on_failures(kind, count, successes, now);
    };
    std::string reason;
    if (fails(health::Failure::connect, connects, sum(*server.counts, &ServerCounts::total))) {
        reason = "connections failed";
    } else if (fails(health::Failure::early_reset, resets,
                     sum(*server.counts, &ServerCounts::bytes_down))) {
        reason = "early resets";
    }
    if (reason.empty()) return;
    server.failed_by = reason;
    std::string until = "until its checks pass";
    if (!checker_.take_down(key)) {
        const auto time_out = server.passive->time_out(now);
        server.away_until = now + time_out;
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time_out);
        until = fmt::format("for {} ms", ms.count());
    }
    const std::string why =
        fmt::format("{}, {} in a row, {}", reason, pool.settings.passive->failures, until);
    spdlog::warn("pool {}: server {} down: {}", name, id, why);
    events_.add(Event::Kind::server_down, name, id, why);
    reconcile_soon(name);
}

// A burst of flips becomes one change of the ring.
void Pools::reconcile_soon(const std::string& pool) {
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
        // A check that goes elsewhere speaks to somebody who was not promised a header.
        const auto version = pool.settings.send_proxy.version;
        const std::string preface =
            version == conf::SendProxy::Version::none ? "" : local_proxy_header(version);
        for (const auto& [id, server] : pool.servers) {
            auto& target = targets.emplace_back(
                health::Target{.key = target_key(name, id),
                               .address = server.check_address.value_or(server.address),
                               .settings = *pool.settings.health,
                               .preface = server.check_address ? "" : preface,
                               .starts_down = starts_down(pool, server)});
            const auto* const source = health::source_for(pool.settings.connect, target.address);
            if (source != nullptr) target.source = *source;
        }
    }
    checker_.set_targets(std::move(targets));
    for (auto& [name, pool] : pools_) {
        for (auto& [id, server] : pool.servers) server.is_new = false;
    }
}

// Has the workers tell of failures where somebody wants to know.
void Pools::equip(const std::string& name, Pool& pool) {
    for (auto& [id, server] : pool.servers) {
        if (!pool.settings.passive) {
            server.trouble.reset();
            server.passive.reset();
            server.away_until.reset();
        } else if (server.passive) {
            server.passive->set_settings(*pool.settings.passive);
        } else {
            server.passive.emplace(*pool.settings.passive);
            server.trouble = std::make_shared<Trouble>([this, key = target_key(name, id)] {
                boost::asio::post(io_, [this, key] { on_trouble(key); });
            });
        }
    }
}

// Decides of every server whether it is online, and how much of its points it has.
void Pools::judge(const std::string& name, Pool& pool) {
    std::size_t up = 0;
    std::size_t all = 0;
    std::vector<bool> seem_up;  // in the order of the servers
    for (const auto& [id, server] : pool.servers) {
        seem_up.push_back(seems_up(name, id, server));
        if (server.weight == 0 || server.by_hand != Override::automatic) continue;
        // Of whom nothing is known yet, nothing can be believed or not.
        if (awaits_check(name, id, server)) continue;
        ++all;
        if (seem_up.back()) ++up;
    }
    const bool panics = health::panics(up, all, pool.settings.panic);
    if (panics != std::exchange(pool.panics, panics)) {
        const std::string what = fmt::format("{} of {} servers are up: {}", up, all,
                                             panics ? "states are ignored" : "states count again");
        spdlog::warn("pool {}: {}", name, what);
        events_.add(panics ? Event::Kind::panic : Event::Kind::panic_over, name, "", what);
    }
    const TimePoint now = Clock::now();
    auto seems = seem_up.begin();
    for (auto& [id, server] : pool.servers) {
        const bool awaits = awaits_check(name, id, server);
        if (server.came_with_pool && !awaits) {
            const auto view = health(name, id);
            server.came_with_pool = view && view->all_failed == 0;
        }
        turn(pool, server, standing_of(*seems++, server.by_hand, panics && !awaits));
        server.came_with_pool = server.came_with_pool && awaits;
        server.ramp = ring::full_ramp;
        if (server.ramps_since && pool.settings.slow_start.count() > 0) {
            server.ramp = health::ramp_after(now - *server.ramps_since, pool.settings.slow_start);
        }
        if (server.ramp == ring::full_ramp) server.ramps_since.reset();
    }
}

void Pools::turn(const Pool& pool, WantedServer& server, health::Standing standing) const {
    if (standing.online != server.online) {
        server.online = standing.online;
        server.since = Clock::now();
        server.ramps_since.reset();
        const bool ramps = server.online && !pool.panics && !server.came_with_pool;
        if (ramps) server.ramps_since = server.since;
    }
    if (standing.down == server.down) return;
    server.down = standing.down;
    if (!server.down) {
        connections_.spare(server.counts);
    } else if (pool.settings.on_down.way != conf::Leaving::Way::keep) {
        connections_.depart({server.counts, End::server_down, time_of(pool.settings.on_down)});
    }
}

void Pools::remove(const Pool& pool, const WantedServer& server) const {
    const conf::Leaving& leaving = pool.settings.on_removed;
    if (leaving.way == conf::Leaving::Way::keep) return;
    connections_.depart({server.counts, End::server_removed, time_of(leaving)});
}

// Makes the ring what is wanted, in one change, whatever brought the difference.
void Pools::reconcile(const std::string& name, Pool& pool) {
    judge(name, pool);
    const auto snapshot = pool.balancer->snapshot();
    std::vector<ring::Change> changes;
    for (const ring::Member& member : snapshot->members()) {
        if (!pool.servers.contains(member.id)) changes.emplace_back(ring::Unregister{member.id});
    }
    for (const auto& [id, server] : pool.servers) {
        const ring::Status status = ring_status(server);
        const ring::Member* member = snapshot->find(id);
        const bool moved = member == nullptr || server_of(*member).address != server.address ||
                           server_of(*member).trouble != server.trouble;
        std::shared_ptr<void> context;
        if (moved) {
            context =
                std::make_shared<Server>(Server{id, server.address, server.counts, server.trouble});
        }
        if (member == nullptr) {
            changes.emplace_back(ring::ServerSpec{id, server.weight, status, std::move(context),
                                                  server.max_connections, server.ramp});
            continue;
        }
        if (moved) changes.emplace_back(ring::SetContext{id, std::move(context)});
        if (member->weight != server.weight) {
            changes.emplace_back(ring::SetWeight{id, server.weight});
        }
        if (member->max_connections != server.max_connections) {
            changes.emplace_back(ring::SetLimit{id, server.max_connections});
        }
        if (member->ramp != server.ramp) changes.emplace_back(ring::SetRamp{id, server.ramp});
        if (member->status != status) changes.emplace_back(ring::SetStatus{id, status});
    }
    if (!changes.empty()) pool.balancer->apply(changes);
    pool.figures.publish(pool.balancer->snapshot());
    arm();
}

// Sets the alarm for whatever time alone will change next.
void Pools::arm() {
    auto next = TimePoint::max();
    for (const auto& [name, pool] : pools_) {
        const Clock::duration over = pool.settings.slow_start;
        for (const auto& [id, server] : pool.servers) {
            if (server.away_until) next = std::min(next, *server.away_until);
            if (!server.ramps_since || over == Clock::duration::zero()) continue;
            const auto since = *server.ramps_since;
            next = std::min(next, since + health::step_after(Clock::now() - since, over));
        }
    }
    if (stopped_ || next == TimePoint::max()) return;
    alarm_.expires_at(next + (alarm_tick - next.time_since_epoch() % alarm_tick) % alarm_tick);
    alarm_.async_wait([this](const boost::system::error_code& error) {
        if (!error) on_alarm();
    });
}

void Pools::on_alarm() {
    const TimePoint now = Clock::now();
    for (auto& [name, pool] : pools_) {
        bool changes = false;
        for (auto& [id, server] : pool.servers) {
            changes = changes || server.ramps_since;
            if (!server.away_until || *server.away_until > now) continue;
            server.away_until.reset();
            server.failed_by.clear();
            spdlog::info("pool {}: server {} up: its time-out is over", name, id);
            events_.add(Event::Kind::server_up, name, id, "its time-out is over");
            changes = true;
        }
        if (changes) reconcile(name, pool);
    }
    arm();
}

}  // namespace ringway::proxy
