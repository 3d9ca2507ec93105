#include "proxy/control/server_health.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "health/slow_start.h"
#include "health/source.h"
#include "proxy/keys/proxy_header.h"

namespace ringway::proxy {

namespace {

static_assert(health::full_ramp == ring::full_ramp);

const conf::Endpoint& checked_address(const DesiredServer& desired) {
    return desired.check_address ? *desired.check_address : desired.address;
}

}  // namespace

ServerHealth::ServerHealth(const HealthTools& tools, std::string target, bool ramps, TimePoint now)
    : tools_(tools), target_(std::move(target)), since_(now), came_with_pool_(!ramps) {
    if (ramps) ramps_since_ = now;
}

ServerHealth::~ServerHealth() {
    tools_.checker.remove_target(target_);
}

std::optional<health::TimeOut> ServerHealth::time_out() const {
    return passive_ ? passive_->time_out() : std::nullopt;
}

health::Condition ServerHealth::condition() const {
    if (lacks_address_) return {.up = false, .awaits_check = true, .reason = "no address"};
    return health::condition_of(checks(), time_out());
}

void ServerHealth::watch(const HealthWanted& wanted, const DesiredServer& desired, bool is_new,
                         TimePoint now) {
    if (is_new) {
        failure_reports_.reset();
        passive_.reset();
    }
    lacks_address_ = desired.awaits_address();
    watch_connections(wanted.pool);
    check(wanted, desired, is_new, now);
    // Its slow start begins with its first check, which may end before the next turn().
    const bool waits = desired.admin_state == AdminState::automatic && condition().awaits_check;
    if (!is_new || !is_online_ || !waits) return;
    is_online_ = false;
    since_ = now;
    ramps_since_.reset();
}

void ServerHealth::clear(const HealthWanted& wanted, const DesiredServer& desired, TimePoint now) {
    if (passive_) passive_->clear();
    tools_.checker.remove_target(target_);
    check(wanted, desired, true, now);
}

// Has the workers report failures where the pool wants to know of them.
void ServerHealth::watch_connections(const conf::Pool& pool) {
    if (!pool.passive) {
        failure_reports_.reset();
        passive_.reset();
    } else if (passive_) {
        passive_->set_settings(*pool.passive);
    } else {
        passive_.emplace(*pool.passive);
        failure_reports_ = std::make_shared<FailureReports>(
            [reported = tools_.reported, target = target_] { reported(target); });
    }
}

// Checks and time-outs hand over to one another: checks that are new bring back a server whose
// time-out goes on, and where they end a server that they have found up is in none. One that
// `is_new` may have to wait for its first check.
void ServerHealth::check(const HealthWanted& wanted, const DesiredServer& desired, bool is_new,
                         TimePoint now) {
    const conf::Pool& pool = wanted.pool;
    const auto known = checks();
    if (lacks_address_) return tools_.checker.remove_target(target_);
    if (!pool.health) {
        if (known && known->up && passive_) passive_->end_time_out(now);
        return tools_.checker.remove_target(target_);
    }
    // A check of another machine speaks for the server of before too, and is new for this one.
    const bool is_awaited = known && known->awaited;
    if (is_new) tools_.checker.remove_target(target_);
    // A check that goes elsewhere speaks to somebody who was not promised a header.
    const auto version = pool.send_proxy.version;
    const bool has_preface = version != conf::SendProxy::Version::none && !desired.check_address;
    const bool is_elsewhere =
        desired.check_address && desired.check_address->address != desired.address.address;
    const bool waits = pool.health->initial == conf::HealthSettings::Initial::down;
    health::Target target{.key = target_,
                          .address = checked_address(desired),
                          .settings = *pool.health,
                          .preface = has_preface ? local_proxy_header(version) : "",
                          .starts_down = waits && (is_new || is_awaited),
                          .tls = wanted.tls,
                          .id = target_.substr(pool.name.size() + 1),
                          .host = is_elsewhere ? "" : desired.host};
    const auto* const source = health::source_for(pool.connect, target.address);
    if (source != nullptr) target.source = *source;
    tools_.checker.set_target(std::move(target));
    // New ones, and those that go elsewhere from now on, know nothing of a time-out.
    if (const auto going_on = time_out()) {
        tools_.checker.take_down(target_, to_string(going_on->reason));
    }
}

health::Condition ServerHealth::condition_after(const conf::Pool& next,
                                                const DesiredServer& desired,
                                                const DesiredServer& current, TimePoint now) const {
    const bool same = current.address == desired.address;
    std::optional<health::TimeOut> going_on;
    if (same && passive_ && next.passive) {
        health::Passive passive = *passive_;
        passive.set_settings(*next.passive);
        going_on = passive.time_out();
    }
    auto view = checks();
    if (view && !next.health) {
        if (view->up) going_on.reset();
        view.reset();
    }
    if (view && (!same || checked_address(desired) != checked_address(current))) {
        view.emplace();
        if (going_on) {
            view->up = false;
            view->reason = to_string(going_on->reason);
        }
    }
    if (view && next.health->initial == conf::HealthSettings::Initial::up && view->awaited) {
        view.emplace();
    }
    if (going_on && !next.health && going_on->until <= now) going_on.reset();
    return health::condition_of(view, going_on);
}

void ServerHealth::on_check_passed(TimePoint now) {
    if (passive_) passive_->end_time_out(now);
}

// Where the server is checked its checks bring it back, else time does.
std::optional<std::string> ServerHealth::take_failure_reports(const conf::Pool& pool,
                                                              const DesiredServer& desired,
                                                              const PerWorker<ServerCounts>& counts,
                                                              TimePoint now) {
    if (!failure_reports_) return std::nullopt;
    const auto [connects, resets] = failure_reports_->take();
    if (desired.admin_state != AdminState::automatic || !condition().up) return std::nullopt;
    const auto fails = [&](health::Failure kind, std::uint32_t count, std::uint64_t successes) {
        return count > 0 && passive_->on_failures(kind, count, successes, now);
    };
    const bool down =
        fails(health::Failure::connect, connects, sum(counts, &ServerCounts::total)) ||
        fails(health::Failure::early_reset, resets, sum(counts, &ServerCounts::bytes_down));
    if (!down) return std::nullopt;
    const health::TimeOut begun = *time_out();
    const std::string reason = to_string(begun.reason);
    std::string until = "until its checks pass";
    if (!tools_.checker.take_down(target_, reason)) {
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(begun.until - now);
        until = fmt::format("for {} ms", ms.count());
    }
    return fmt::format("{}, {} in a row, {}", reason, pool.passive->failures, until);
}

// Checks bring a server back whenever they succeed, however long that takes.
bool ServerHealth::end_due_time_out(TimePoint now) {
    const auto going_on = time_out();
    if (!going_on || going_on->until > now || checks()) return false;
    passive_->end_time_out(now);
    return true;
}

void ServerHealth::turn(health::Availability availability, bool panics, const conf::Pool& pool,
                        TimePoint now) {
    bool awaits = false;
    if (came_with_pool_) {
        const auto view = checks();
        awaits = view && view->awaited;
        if (!awaits) came_with_pool_ = !view || view->all_failed == 0;
    }
    if (availability.online != is_online_) {
        is_online_ = availability.online;
        since_ = now;
        ramps_since_.reset();
        if (is_online_ && !panics && !came_with_pool_) ramps_since_ = now;
    }
    is_down_ = availability.down;
    came_with_pool_ = came_with_pool_ && awaits;
    ramp_ = ramp_at(pool, now);
    if (ramp_ == ring::full_ramp) ramps_since_.reset();
}

std::uint32_t ServerHealth::ramp_at(const conf::Pool& pool, TimePoint now) const {
    if (!ramps_since_ || pool.slow_start.count() == 0) return ring::full_ramp;
    return health::ramp_after(now - *ramps_since_, pool.slow_start);
}

TimePoint ServerHealth::next_change(const conf::Pool& pool, TimePoint now) const {
    TimePoint next = TimePoint::max();
    if (const auto going_on = time_out(); going_on && !checks()) next = going_on->until;
    const Clock::duration over = pool.slow_start;
    if (ramps_since_ && over != Clock::duration::zero()) {
        next = std::min(next, *ramps_since_ + health::step_after(now - *ramps_since_, over));
    }
    return next;
}

}  // namespace ringway::proxy
