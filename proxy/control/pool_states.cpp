// What is known of the servers of pools, and what the rings should be by it.
#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "health/slow_start.h"
#include "proxy/control/pools.h"

namespace ringway::proxy {

namespace {

static_assert(health::full_ramp == ring::full_ramp);

// Steps and returns that are due within so long share one change of their ring.
constexpr std::chrono::milliseconds alarm_tick{10};

// A pool's name has no slash; an id may have some.
std::pair<std::string, std::string> split_target(const std::string& target) {
    const auto slash = target.find('/');
    return {target.substr(0, slash), target.substr(slash + 1)};
}

ServerFacts facts_of(std::string_view id, const DesiredServer& desired,
                     const health::Condition& condition, std::uint32_t ramp) {
    return {.id = id,
            .weight = desired.weight,
            .max_connections = desired.max_connections,
            .admin_state = desired.admin_state,
            .up = condition.up,
            .awaits_check = condition.awaits_check,
            .ramp = ramp};
}

}  // namespace

std::optional<health::View> Pools::health(std::string_view pool, std::string_view id) const {
    const Pool* const of = find(pool);
    if (of == nullptr) return std::nullopt;
    const auto server = of->servers.find(id);
    return server == of->servers.end() ? std::nullopt : checker_.view(server->second.target);
}

health::Condition Pools::condition(const PoolServer& server) const {
    return health::condition_of(checker_.view(server.target),
                                server.passive ? server.passive->time_out() : std::nullopt);
}

std::string Pools::detail(std::string_view pool_name, std::string_view id) const {
    const Pool& pool = *find(pool_name);
    const auto found = pool.servers.find(id);
    if (found == pool.servers.end()) return "removed";
    const PoolServer& server = found->second;
    const health::Condition now = condition(server);
    const bool online =
        health::availability_of(now.up, server.admin_state, pool.panics && !now.awaits_check)
            .online;
    std::string why = why_so(pool, server, now);
    if (online == pool.ring->is_online(id)) return why;
    return fmt::format("{}, on its way {} the ring", why, online ? "into" : "out of");
}

std::string Pools::why_so(const Pool& pool, const PoolServer& server,
                          const health::Condition& now) const {
    const auto view = checker_.view(server.target);
    const std::string unseen =
        view && !view->not_run_why.empty() ? "not checked: " + view->not_run_why : "";
    std::string admin_state;
    if (server.admin_state == AdminState::drain) admin_state = "draining";
    if (server.admin_state == AdminState::online) admin_state = "online by hand";
    if (server.admin_state == AdminState::offline) admin_state = "offline by hand";
    if (!now.up) {
        const bool ignored =
            server.admin_state == AdminState::automatic && pool.panics && !now.awaits_check;
        return fmt::format("{}{}down: {}{}{}{}", admin_state, admin_state.empty() ? "" : ", ",
                           now.reason, unseen.empty() ? "" : ", ", unseen,
                           ignored ? ", ignored in a panic" : "");
    }
    if (!admin_state.empty()) return admin_state;
    if (server.weight == 0) return "weight 0";
    if (const auto fault = local_fault(pool)) return "cannot be dialled: " + *fault;
    if (!unseen.empty()) return unseen;
    if (server.ramp < ring::full_ramp) {
        return fmt::format("ramping, {} % of its points", server.ramp / 10);
    }
    return now.reason;
}

void Pools::on_health_change(const health::HealthChange& change) {
    const auto [name, id] = split_target(change.key);
    spdlog::log(change.up ? spdlog::level::info : spdlog::level::warn, "pool {}: server {} {}: {}",
                name, id, change.up ? "up" : "down", change.reason);
    events_.add(change.up ? Event::Kind::server_up : Event::Kind::server_down, name, id,
                change.reason);
    const auto pool = pools_.find(name);
    if (pool == pools_.end()) return;
    const auto server = pool->second.servers.find(id);
    if (server == pool->second.servers.end()) return;
    if (change.up && server->second.passive) server->second.passive->end_time_out(Clock::now());
    publisher_.publish_soon(name);
}

// Connections to a server have failed. Where it is checked its checks bring it back, else
// time does.
void Pools::on_failure_reports(const std::string& target) {
    const auto [name, id] = split_target(target);
    const auto found = pools_.find(name);
    if (found == pools_.end()) return;
    Pool& pool = found->second;
    const auto entry = pool.servers.find(id);
    if (entry == pool.servers.end() || !entry->second.failure_reports) return;
    PoolServer& server = entry->second;
    const auto [connects, resets] = server.failure_reports->take();
    if (server.admin_state != AdminState::automatic || !condition(server).up) return;

    const TimePoint now = Clock::now();
    const auto fails = [&](health::Failure kind, std::uint32_t count, std::uint64_t successes) {
        return count > 0 && server.passive->on_failures(kind, count, successes, now);
    };
    const bool down =
        fails(health::Failure::connect, connects, sum(*server.counts, &ServerCounts::total)) ||
        fails(health::Failure::early_reset, resets, sum(*server.counts, &ServerCounts::bytes_down));
    if (!down) return;
    const health::TimeOut time_out = *server.passive->time_out();
    const std::string reason = to_string(time_out.reason);
    std::string until = "until its checks pass";
    if (!checker_.take_down(target, reason)) {
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time_out.until - now);
        until = fmt::format("for {} ms", ms.count());
    }
    const std::string why =
        fmt::format("{}, {} in a row, {}", reason, pool.settings.passive->failures, until);
    spdlog::warn("pool {}: server {} down: {}", name, id, why);
    events_.add(Event::Kind::server_down, name, id, why);
    publisher_.publish_soon(name);
}

// Decides of every server whether it is online, and how much of its points it has: what
// makes the ring that is to serve next so.
std::vector<ring::Change> Pools::judge(Pool& pool) {
    const TimePoint now = Clock::now();
    std::vector<ServerFacts> facts;
    facts.reserve(pool.servers.size());
    for (const auto& [id, server] : pool.servers) {
        facts.push_back(facts_of(id, server, condition(server), ring::full_ramp));
    }
    const RingState state = ring_state(pool.settings.panic, facts);
    if (state.panics != std::exchange(pool.panics, state.panics)) {
        const std::string what =
            fmt::format("{} of {} servers are up: {}", state.up, state.all,
                        state.panics ? "states are ignored" : "states count again");
        spdlog::warn("pool {}: {}", pool.settings.name, what);
        events_.add(state.panics ? Event::Kind::panic : Event::Kind::panic_over, pool.settings.name,
                    "", what);
    }
    std::vector<PoolServer*> servers;
    servers.reserve(facts.size());
    for (auto& [id, server] : pool.servers) {
        const bool awaits = facts[servers.size()].awaits_check;
        if (server.came_with_pool && !awaits) {
            const auto view = checker_.view(server.target);
            server.came_with_pool = view && view->all_failed == 0;
        }
        turn(pool, server, state.availabilities[servers.size()]);
        server.came_with_pool = server.came_with_pool && awaits;
        server.ramp = ring::full_ramp;
        if (server.ramps_since && pool.settings.slow_start.count() > 0) {
            server.ramp = health::ramp_after(now - *server.ramps_since, pool.settings.slow_start);
        }
        if (server.ramp == ring::full_ramp) server.ramps_since.reset();
        facts[servers.size()].ramp = server.ramp;
        servers.push_back(&server);
    }
    set_alarm(pool, now);
    const auto context_of = [&](std::size_t i, const ring::Member* member) {
        const PoolServer& server = *servers[i];
        const auto* const now_there =
            member == nullptr ? nullptr : static_cast<const Server*>(member->context.get());
        const bool same = now_there != nullptr && now_there->address == server.address &&
                          now_there->failure_reports == server.failure_reports &&
                          now_there->counts == server.counts;
        return same ? nullptr
                    : std::make_shared<Server>(Server{std::string(facts[i].id), server.address,
                                                      server.counts, server.failure_reports});
    };
    return ring_changes(*pool.ring->base(), facts, state, context_of);
}

void Pools::turn(const Pool& pool, PoolServer& server, health::Availability availability) {
    if (availability.online != server.online) {
        server.online = availability.online;
        server.since = Clock::now();
        server.ramps_since.reset();
        const bool ramps = server.online && !pool.panics && !server.came_with_pool;
        if (ramps) server.ramps_since = server.since;
    }
    if (availability.down == server.down) return;
    server.down = availability.down;
    if (!server.down) {
        cancel_eviction(pool, server);
    } else {
        evict(pool, server, CloseReason::server_down, pool.settings.on_down);
    }
}

void Pools::evict(const Pool& pool, const PoolServer& server, CloseReason reason,
                  const conf::Leaving& leaving) {
    using Way = conf::Leaving::Way;
    if (leaving.way == Way::keep) return;
    const Clock::duration over = leaving.way == Way::drain ? leaving.over : conf::Duration(0);
    publisher_.evict(pool.settings.name, {server.counts, reason, over});
}

// Its connections, those that are left, stay.
void Pools::cancel_eviction(const Pool& pool, const PoolServer& server) {
    publisher_.cancel_eviction(pool.settings.name, server.counts.get());
    connections_.cancel_eviction(server.counts);
}

// Of whatever time alone will change next in a pool.
void Pools::set_alarm(Pool& pool, TimePoint now) {
    auto next = TimePoint::max();
    const Clock::duration over = pool.settings.slow_start;
    for (const auto& [id, server] : pool.servers) {
        if (server.passive) {
            if (const auto time_out = server.passive->time_out()) {
                next = std::min(next, time_out->until);
            }
        }
        if (!server.ramps_since || over == Clock::duration::zero()) continue;
        const auto since = *server.ramps_since;
        next = std::min(next, since + health::step_after(now - since, over));
    }
    if (next == pool.alarm) return;
    alarms_.erase({pool.alarm, pool.settings.name});
    pool.alarm = next;
    if (next != TimePoint::max()) alarms_.insert({next, pool.settings.name});
    arm();
}

void Pools::arm() {
    if (stopped_ || alarms_.empty()) return;
    const TimePoint next = alarms_.begin()->first;
    alarm_.expires_at(next + (alarm_tick - next.time_since_epoch() % alarm_tick) % alarm_tick);
    alarm_.async_wait([this](const boost::system::error_code& error) {
        if (!error) on_alarm();
    });
}

void Pools::on_alarm() {
    const TimePoint now = Clock::now();
    while (!alarms_.empty() && alarms_.begin()->first <= now) {
        const std::string name = alarms_.begin()->second;
        alarms_.erase(alarms_.begin());
        Pool& pool = pools_.find(name)->second;
        pool.alarm = TimePoint::max();
        for (auto& [id, server] : pool.servers) {
            if (!server.passive) continue;
            const auto time_out = server.passive->time_out();
            if (!time_out || time_out->until > now) continue;
            server.passive->end_time_out(now);
            if (!condition(server).up) continue;  // its checks have yet to bring it back
            spdlog::info("pool {}: server {} up: its time-out is over", name, id);
            events_.add(Event::Kind::server_up, name, id, "its time-out is over");
        }
        publisher_.publish(name);
    }
    arm();
}

// What a server that stays would be where the file has `next` for its pool, and the layers
// make it `desired`.
health::Condition Pools::condition_after(const conf::Pool& next, const DesiredServer& desired,
                                         const PoolServer& server) const {
    const bool same = server.address == desired.address;
    auto time_out =
        same && next.passive && server.passive ? server.passive->time_out() : std::nullopt;
    auto view = checker_.view(server.target);
    const bool same_target = desired.check_address.value_or(desired.address) ==
                             server.check_address.value_or(server.address);
    if (view && !next.health) {
        if (view->up) time_out.reset();
        view.reset();
    }
    if (view && !same_target) {
        view.emplace();
        if (time_out) {
            view->up = false;
            view->reason = to_string(time_out->reason);
        }
    }
    if (view && next.health->initial == conf::HealthSettings::Initial::up && view->awaited) {
        view.emplace();
    }
    return health::condition_of(view, time_out);
}

RingDraft Pools::draft_of(const conf::Pool& next) const {
    const Pool* const now = find(next.name);
    const FileServers file = servers_of(next);
    PoolOverrides overrides = overrides_of(next.name);
    settle(overrides, file);
    const auto wanted = desired_servers(file, overrides);
    const auto server_now = [&](const std::string& id) -> const PoolServer* {
        if (now == nullptr) return nullptr;
        const auto found = now->servers.find(id);
        return found == now->servers.end() ? nullptr : &found->second;
    };
    std::vector<ServerFacts> facts;
    for (const auto& [id, desired] : wanted) {
        const PoolServer* const server = server_now(id);
        const bool ramps = server != nullptr && next.slow_start.count() > 0;
        const health::Condition new_one{.up = true, .awaits_check = false, .reason = ""};
        facts.push_back(facts_of(
            id, desired, server == nullptr ? new_one : condition_after(next, desired, *server),
            ramps ? server->ramp : ring::full_ramp));
    }
    const bool same_ring = now != nullptr && now->settings.hash == next.hash;
    // The one with these settings, which may have yet to serve.
    auto base = same_ring ? now->ring->base() : ring::Balancer(ring_settings(next.hash)).snapshot();
    auto changes = ring_changes(*base, facts, ring_state(next.panic, facts),
                                [](std::size_t, const ring::Member*) { return nullptr; });
    return {next.name, std::move(base), std::move(changes)};
}

}  // namespace ringway::proxy
