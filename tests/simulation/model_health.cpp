// What is known of servers, by checks, connections and time, and what follows from it.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "ring/types.h"
#include "tests/simulation/model.h"

namespace ringway::simulation {

using health::AdminState;

Model::Known* Model::find(const std::string& pool, const std::string& id) {
    const auto found = pools_.find(pool);
    if (found == pools_.end()) return nullptr;
    const auto server = found->second.known.find(id);
    return server == found->second.known.end() ? nullptr : &server->second;
}

Model::Checks Model::new_checks(const Known& known, const conf::Pool& file, bool is_new) {
    Checks checks;
    checks.awaited = file.health->initial == conf::HealthSettings::Initial::down &&
                     (is_new || known.awaits_check());
    // Checks that begin during a time-out have to bring the server back.
    checks.decided = known.is_timed_out();
    checks.up = !checks.awaited && !checks.decided;
    return checks;
}

// One that is over is over, also where the next settings would be longer.
void Model::end_slow_start(Known& known, const conf::Pool& file, TimePoint now) {
    const auto is_over_at = [&](TimePoint then) {
        return known.ramps_since && ramp(known, file, then) == ring::full_ramp;
    };
    if (is_over_at(now - lateness)) {
        known.ramps_since.reset();
    } else if (is_over_at(now + lateness)) {
        known.ramp_may_be_over = true;
    }
}

void Model::take_file(const conf::Pool& next, TimePoint now) {
    Pool& pool = pools_[next.name];
    for (auto& [id, known] : pool.known) {
        end_slow_start(known, pool.file, now);
        if (!next.passive) {
            known.rows = {};
            known.time_out.reset();
        }
        if (!next.health) known.checks.reset();
        // A reload that no longer asks for it lets it serve.
        if (known.awaits_check() && next.health->initial == conf::HealthSettings::Initial::up) {
            known.checks->awaited = false;
            known.checks->up = true;
        }
    }
    pool.file = next;
    put(next.name, settled(next, overrides_of(next.name)));
    adapt(next.name, now);
}

// Knowledge is of the servers that exist, each at its address.
void Model::adapt(const std::string& name, TimePoint now, Judged judged) {
    Pool& pool = pools_.at(name);
    const AllWanted all = all_wanted(name);
    const bool had_servers = !pool.known.empty();
    std::erase_if(pool.known, [&](const auto& entry) { return !all.contains(entry.first); });
    for (const auto& [id, wanted] : all) {
        const auto [at, is_new] = pool.known.try_emplace(id);
        Known& known = at->second;
        if (is_new) known.comes = had_servers ? Comes::as_new : Comes::with_pool;
        const bool moves = known.address != wanted.address;
        if (moves) {
            known.rows = {};
            known.time_out.reset();
        }
        if (pool.file.health && (moves || !known.checks || known.checked != wanted.checked))
            known.checks = new_checks(known, pool.file, moves);
        known.address = wanted.address;
        known.checked = wanted.checked;
    }
    if (judged == Judged::all) return judge(name, now);
    judge_servers(name, now, judged);
    pool.waits_for_ring = true;
}

// Who is online by all of this, and who thereby begins a slow start.
void Model::judge(const std::string& name, TimePoint now) {
    judge_panic(name);
    judge_servers(name, now, Judged::all);
    pools_.at(name).waits_for_ring = false;
}

void Model::judge_panic(const std::string& name) {
    Pool& pool = pools_.at(name);
    const AllWanted all = all_wanted(name);
    int counted = 0;
    int up = 0;
    for (const auto& [id, known] : pool.known) {
        const Wanted& wanted = all.at(id);
        if (wanted.weight == 0 || wanted.admin_state != AdminState::automatic) continue;
        if (known.awaits_check()) continue;
        ++counted;
        if (known.is_up()) ++up;
    }
    pool.panics =
        counted > 0 && static_cast<double>(up) / static_cast<double>(counted) < pool.file.panic;
}

void Model::judge_servers(const std::string& name, TimePoint now, Judged judged) {
    Pool& pool = pools_.at(name);
    const AllWanted all = all_wanted(name);
    for (auto& [id, known] : pool.known) {
        if (judged == Judged::who_is_new && known.comes == Comes::back) continue;
        const AdminState admin_state = all.at(id).admin_state;
        const bool serves = known.is_up() || (pool.panics && !known.awaits_check());
        const bool online =
            admin_state == AdminState::online || (admin_state == AdminState::automatic && serves);
        const bool ramps =
            pool.file.slow_start.count() > 0 &&
            (known.comes == Comes::as_new || (known.comes == Comes::back && !pool.panics));
        if (online && !known.online) known.ramp_may_be_over = false;
        if (online && !known.online && ramps) known.ramps_since = now;
        if (!online) known.ramps_since.reset();
        if (known.comes == Comes::as_new || !known.awaits_check()) known.comes = Comes::back;
        known.online = online;
    }
}

void Model::check_ended(const std::string& pool, const std::string& id, bool passed,
                        TimePoint now) {
    checks_ended({{pool, id, passed}}, now);
}

// What waits for a ring goes on to wait unless a server has changed.
void Model::checks_ended(const std::vector<CheckResult>& results, TimePoint now) {
    std::set<std::string> judged;
    for (const CheckResult& each : results) {
        const bool changed = take_check(each.pool, each.id, each.passed, now);
        const auto pool = pools_.find(each.pool);
        if (pool == pools_.end()) continue;
        if (changed || !pool->second.waits_for_ring) judged.insert(each.pool);
    }
    for (const std::string& pool : judged) judge(pool, now);
}

// Whether the server has changed with it.
bool Model::take_check(const std::string& pool, const std::string& id, bool passed, TimePoint now) {
    Known* known = find(pool, id);
    if (!known || !known->checks) return false;
    touched_ = now;
    Checks& checks = *known->checks;
    const Checks before = checks;
    const conf::HealthSettings& settings = *pools_.at(pool).file.health;
    checks.passed = passed ? checks.passed + 1 : 0;
    checks.failed = passed ? 0 : checks.failed + 1;
    const std::uint32_t needed = !checks.decided ? 1 : passed ? settings.rise : settings.fall;
    checks.decided = true;
    checks.awaited = false;
    if (std::max(checks.passed, checks.failed) >= needed) checks.up = passed;
    if (checks.up && known->is_timed_out()) known->time_out->ended = now;
    return before.awaited || checks.up != before.up;
}

void Model::connections_failed(const std::string& pool, const std::string& id, health::Failure kind,
                               std::uint32_t count, TimePoint now) {
    Known* known = find(pool, id);
    if (!known || !pools_.at(pool).file.passive) return;
    const conf::PassiveSettings& settings = *pools_.at(pool).file.passive;
    if (kind == health::Failure::early_reset && !settings.early_resets) return;
    // Nobody takes down who is down, or whose state is set by hand.
    if (!known->is_up() || all_wanted(pool).at(id).admin_state != AdminState::automatic) return;
    touched_ = now;
    Row& row = known->rows[static_cast<std::size_t>(kind)];
    if (now - row.last > settings.within) row.failures = 0;
    row.failures += std::min(count, std::numeric_limits<std::uint32_t>::max() - row.failures);
    row.last = now;
    if (row.failures < settings.failures) return;
    known->rows = {};
    const std::optional<TimeOut>& last = known->time_out;
    const bool again = last && now - *last->ended < length(*last, settings);
    known->time_out = TimeOut{.began = now, .ended = {}, .number = again ? last->number + 1 : 1};
    if (known->checks) {
        known->checks->up = false;
        known->checks->decided = true;
        known->checks->passed = 0;
    }
    judge(pool, now);
}

void Model::connection_served(const std::string& pool, const std::string& id,
                              bool bytes_from_server) {
    Known* known = find(pool, id);
    if (!known) return;
    known->rows[static_cast<std::size_t>(health::Failure::connect)] = {};
    if (bytes_from_server) known->rows[static_cast<std::size_t>(health::Failure::early_reset)] = {};
}

// Time.

conf::Duration Model::length(const TimeOut& time_out, const conf::PassiveSettings& settings) {
    conf::Duration length = settings.retry;
    for (std::uint32_t i = 1; i < time_out.number && length < settings.retry_max; ++i) length *= 2;
    return std::min(length, settings.retry_max);
}

// Twenty steps of equal size at equal times, the first at once.
std::uint32_t Model::ramp(const Known& known, const conf::Pool& file, TimePoint now) {
    if (!known.ramps_since || file.slow_start.count() == 0) return ring::full_ramp;
    const auto step =
        (now - *known.ramps_since) * 20 / std::chrono::steady_clock::duration(file.slow_start);
    return static_cast<std::uint32_t>(std::min<std::int64_t>(step + 1, 20) * 50);
}

std::optional<TimePoint> Model::next_step(TimePoint after) const {
    TimePoint next = TimePoint::max();
    const auto may_be = [&](TimePoint instant) {
        if (instant > after) next = std::min(next, instant);
    };
    for (const auto& [name, pool] : pools_) {
        const std::chrono::steady_clock::duration over = pool.file.slow_start;
        for (const auto& [id, known] : pool.known) {
            if (!known.checks && known.time_out) {
                const TimePoint due =
                    known.time_out->began + length(*known.time_out, *pool.file.passive);
                may_be(known.time_out->ended.value_or(std::max(due, touched_)));
            }
            if (!known.ramps_since || over.count() == 0) continue;
            // Rounded up, so that the step has come by then.
            for (int step = 1; step < 20; ++step)
                may_be(*known.ramps_since + (over * step + std::chrono::nanoseconds(19)) / 20);
        }
    }
    return next == TimePoint::max() ? std::nullopt : std::optional(next);
}

void Model::time_passes(TimePoint now) {
    while (true) {
        TimePoint first = TimePoint::max();
        std::string pool;
        Known* who = nullptr;
        for (auto& [name, each] : pools_) {
            for (auto& [id, known] : each.known) {
                if (known.checks || !known.is_timed_out()) continue;
                const TimePoint due = std::max(
                    touched_, known.time_out->began + length(*known.time_out, *each.file.passive));
                if (due >= first) continue;
                first = due;
                pool = name;
                who = &known;
            }
        }
        if (!who || first > now) return;
        who->time_out->ended = first;
        judge(pool, first);
    }
}

std::map<std::string, Model::Servers> Model::servers(TimePoint now) const {
    std::map<std::string, Servers> all;
    for (const auto& [name, pool] : pools_) {
        Servers& servers = all[name];
        for (const auto& [id, wanted] : all_wanted(name)) {
            const Known& known = pool.known.at(id);
            auto status = known.online ? ModelServer::Status::online : ModelServer::Status::offline;
            if (wanted.admin_state == AdminState::drain) status = ModelServer::Status::draining;
            servers[id] = {.address = wanted.address,
                           .weight = wanted.weight,
                           .max_connections = wanted.max_connections,
                           .admin_state = wanted.admin_state,
                           .status = status,
                           .ramp = ramp(known, pool.file, now),
                           .ramp_may_be_over = known.ramp_may_be_over,
                           .runtime = wanted.runtime,
                           .up = known.is_up(),
                           .awaits_check = known.awaits_check()};
        }
    }
    return all;
}

bool Model::panics(const std::string& pool) const {
    const auto found = pools_.find(pool);
    return found != pools_.end() && found->second.panics;
}

}  // namespace ringway::simulation
