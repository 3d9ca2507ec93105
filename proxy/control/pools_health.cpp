// What is known of the servers of pools: results of checks, reports of connections, and time.
#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "proxy/base/access_log.h"
#include "proxy/control/pools.h"
#include "proxy/text/escape.h"

namespace ringway::proxy {

namespace {

// Steps and returns that are due within so long share one change of their ring.
constexpr std::chrono::milliseconds alarm_tick{10};

constexpr std::chrono::seconds look_every{1};
constexpr std::chrono::minutes warn_every{1};

}  // namespace

void Pools::on_check(const health::Checked& check) {
    if (fleet_health_.first_checked) {
        const auto [pool, server] = of_target(check.target.key);
        if (pool != nullptr && pool->has_unchecked) fleet_health_.first_checked();
    }
    if (!logs_debug()) return;
    const std::chrono::duration<double, std::milli> took = check.took;
    spdlog::debug("check of {} at {}: {} after {:.1f} ms", escaped(check.target.key),
                  escaped(check.target.address.to_string()),
                  check.detail.empty() ? check.result : check.detail, took.count());
}

// Of a health_target(). Both are nullptr where the server has left meanwhile.
std::pair<Pool*, PoolServer*> Pools::of_target(const std::string& target) {
    const auto slash = target.find('/');
    const auto pool = pools_.find(std::string_view(target).substr(0, slash));
    if (pool == pools_.end()) return {nullptr, nullptr};
    const auto server = pool->second.servers.find(std::string_view(target).substr(slash + 1));
    if (server == pool->second.servers.end()) return {nullptr, nullptr};
    return {&pool->second, &server->second};
}

void Pools::on_health_change(const health::HealthChange& change) {
    const auto [pool, server] = of_target(change.key);
    if (server == nullptr) return;
    const std::string& name = pool->settings.name;
    const std::string id = change.key.substr(name.size() + 1);
    spdlog::log(change.up ? spdlog::level::info : spdlog::level::warn, "pool {}: server {} {}: {}",
                name, id, change.up ? "up" : "down", change.reason);
    events_.add(change.up ? Event::Kind::server_up : Event::Kind::server_down, name, id,
                change.reason);
    if (change.up) server->health.on_check_passed(Clock::now());
    publisher_.publish_soon(name);
}

void Pools::on_failure_reports(const std::string& target) {
    const auto [pool, server] = of_target(target);
    if (server == nullptr) return;
    const auto why = server->health.take_failure_reports(pool->settings, server->desired,
                                                         *server->counts, Clock::now());
    if (!why) return;
    const std::string& name = pool->settings.name;
    const std::string id = target.substr(name.size() + 1);
    spdlog::warn("pool {}: server {} down: {}", name, id, *why);
    events_.add(Event::Kind::server_down, name, id, *why);
    publisher_.publish_soon(name);
}

// Of whatever time alone will change next in a pool.
void Pools::set_alarm(Pool& pool, TimePoint now) {
    auto next = TimePoint::max();
    for (const auto& [id, server] : pool.servers) {
        next = std::min(next, server.health.next_change(pool.settings, now));
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

void Pools::end_due_time_outs(Pool& pool, TimePoint now) {
    const std::string& name = pool.settings.name;
    for (auto& [id, server] : pool.servers) {
        if (!server.health.end_due_time_out(now)) continue;
        spdlog::info("pool {}: server {} up: its time-out is over", name, id);
        events_.add(Event::Kind::server_up, name, id, "its time-out is over");
    }
}

void Pools::on_alarm() {
    const TimePoint now = Clock::now();
    while (!alarms_.empty() && alarms_.begin()->first <= now) {
        const std::string name = alarms_.begin()->second;
        alarms_.erase(alarms_.begin());
        Pool& pool = pools_.find(name)->second;
        pool.alarm = TimePoint::max();
        end_due_time_outs(pool, now);
        publisher_.publish(name);
    }
    arm();
}

void Pools::watch_local_faults() {
    look_.expires_after(look_every);
    look_.async_wait([this](const boost::system::error_code& error) {
        if (error || stopped_) return;
        look_for_local_faults();
        watch_local_faults();
    });
}

// The servers are looked at only where some check could not run since the last look, or there
// is a fault that may be over.
void Pools::look_for_local_faults() {
    using health::LocalFault;
    const TimePoint now = Clock::now();
    const std::uint64_t not_run = checker_.not_run();
    const bool checks_failed = not_run != std::exchange(checks_not_run_, not_run);
    for (auto& [name, pool] : pools_) {
        LocalFaultWatch::Checks checks;
        if (checks_failed || pool.local.asks_for_checks()) {
            for (const auto& [id, server] : pool.servers) {
                const auto view = server.health.checks();
                if (!view || (!view->checked && view->not_run == 0)) continue;
                if (view->not_run_by == LocalFault::none) ++checks.out;
                if (view->not_run_by == LocalFault::no_address) ++checks.no_address;
            }
        }
        pool.local.look(pool.settings, pool.counts(), checks, now, events_);
    }
    if (checks_failed) warn_of_checks(not_run, now);
}

// At most once a minute, with the cause of one of them.
void Pools::warn_of_checks(std::uint64_t not_run, TimePoint now) {
    if (now - checks_not_run_logged_at_ < warn_every) return;
    for (const auto& [name, pool] : pools_) {
        for (const auto& [id, server] : pool.servers) {
            const auto view = server.health.checks();
            if (!view || view->not_run_why.empty()) continue;
            spdlog::warn("{} checks could not run on this machine, of pool {} server {}: {}",
                         not_run - checks_not_run_logged_, name, id, view->not_run_why);
            checks_not_run_logged_ = not_run;
            checks_not_run_logged_at_ = now;
            return;
        }
    }
}

}  // namespace ringway::proxy
