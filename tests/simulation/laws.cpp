// What must hold after every event.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "proxy/control/state_text.h"
#include "proxy/text/admin_line.h"
#include "ring/analysis.h"
#include "tests/simulation/questions.h"
#include "tests/simulation/simulation.h"

namespace ringway::simulation {

namespace {

using namespace std::chrono_literals;
using Status = ModelServer::Status;

Status status_of(const ring::Member& member) {
    if (member.status == ring::Status::online) return Status::online;
    return member.status == ring::Status::draining ? Status::draining : Status::offline;
}

std::string text_of(const ModelServer& server) {
    return fmt::format("{} x{} limit {} status {} ramp {}{}{}", server.address.to_string(),
                       server.weight, server.max_connections, static_cast<int>(server.status),
                       server.ramp, server.up ? " up" : " down",
                       server.awaits_check ? " awaits a check" : "");
}

std::string text_of(const ring::Member& member) {
    const auto& server = *static_cast<const proxy::Server*>(member.context.get());
    return fmt::format("{} x{} limit {} status {} ramp {}", server.address.to_string(),
                       member.weight, member.max_connections, static_cast<int>(status_of(member)),
                       member.ramp);
}

bool is_as(const ring::Member& member, const ModelServer& server) {
    const auto& context = *static_cast<const proxy::Server*>(member.context.get());
    return context.address == server.address && member.weight == server.weight &&
           member.max_connections == server.max_connections && status_of(member) == server.status &&
           (member.ramp == server.ramp ||
            (server.ramp_may_be_over && member.ramp == ring::full_ramp));
}

}  // namespace

// Whether all that was asked for serves, and the model can be held against it.
bool Simulation::is_quiet() const {
    if (holds_ || !reloads_.empty() || control_->is_leaving()) return false;
    return std::ranges::all_of(control_->pools().all(),
                               [](const auto& entry) { return entry.second.ring->is_current(); });
}

// Results of checks reach the model as they reached control, by its counts of them.
void Simulation::follow_checks() {
    if (!control_) return;
    decltype(checked_) now;
    std::vector<Model::CheckResult> results;
    for (const auto& [name, pool] : control_->pools().all()) {
        if (!pool.settings.health) continue;
        for (const auto& [id, server] : pool.servers) {
            const auto view = server.health.checks();
            if (!view) continue;
            if (view->not_run_by != health::LocalFault::none) local_signs_[name] = {world_.now()};
            const std::pair key{name, id};
            auto& [passed, failed] = now[key] = {view->all_passed, view->all_failed};
            auto before = checked_[key];
            if (before.first > passed || before.second > failed) before = {};  // new to its checks
            const auto follow = [&](std::uint64_t times, bool ok) {
                for (; times > 0; --times) results.push_back({name, id, ok});
            };
            // Those that ended a row before this one came first.
            const bool ends_well = view->successes > 0;
            follow(ends_well ? failed - before.second : passed - before.first, !ends_well);
            follow(ends_well ? passed - before.first : failed - before.second, ends_well);
        }
    }
    checked_ = std::move(now);
    model_.checks_ended(results, world_.now());
}

void Simulation::check_laws() {
    Random random(history_.seed + done_);
    ask_everything(*control_, metrics_, random);
    check_answers();
    check_moves();
    check_local_faults();
    if (!is_quiet()) return;
    model_.time_passes(world_.now());
    expect(control_->pools().layers().overrides() == model_.overrides(), "overrides", [&] {
        return fmt::format("{}and the model has {}",
                           proxy::state_text(control_->pools().layers().overrides()),
                           proxy::state_text(model_.overrides()));
    });
    check_log_level();
    check_servers();
}

// A level that is set lasts for its time, or until a reload.
void Simulation::check_log_level() const {
    const proxy::LogLevel& level = control_->log_level();
    const std::string_view now = proxy::to_string(level.level());
    const std::string_view of_file = proxy::to_string(level.of_file());
    const bool has_time = log_level_ && log_level_->until;
    const bool lasts = has_time && world_.now() < *log_level_->until;
    const bool is_as_set = log_level_ && !has_time && now == log_level_->name;
    const bool fits = lasts ? now == log_level_->name : now == of_file || is_as_set;
    expect(level.of_file() == serving_.log.level && fits, "log level",
           [&] { return fmt::format("{} now, {} in the file", now, of_file); });
}

// Ready is who has a server online in each pool that counts, and no fault of this machine there.
void Simulation::check_readiness(const std::map<std::string, Model::Servers>& expected) const {
    std::set<std::string> needed;
    for (const conf::Listener& listener : serving_.listeners)
        needed.insert(listener.routes.front().pool);
    if (serving_.admin.ready) needed = {serving_.admin.ready->begin(), serving_.admin.ready->end()};
    const bool is_ready = std::ranges::all_of(needed, [&](const std::string& name) {
        const bool serves = std::ranges::any_of(expected.at(name), [](const auto& entry) {
            return entry.second.status == Status::online && entry.second.weight > 0;
        });
        const auto& local = control_->pools().find(name)->local;
        return serves && local.fault() == health::LocalFault::none;
    });
    const auto why_not = control_->why_not_ready();
    expect(is_ready == !why_not, "ready", [&] { return why_not.value_or("ready"); });
}

// A pool has a fault of this machine only while dials or checks of it show one. Who drains looks
// no more.
void Simulation::check_local_faults() const {
    if (control_->is_leaving()) return;
    for (const auto& [name, pool] : control_->pools().all()) {
        if (pool.local.fault() == health::LocalFault::none) continue;
        const auto sign = local_signs_.find(name);
        const bool shows = sign != local_signs_.end() &&
                           world_.now() - sign->second.at <= health::LocalFaults::kept_for + 2s;
        expect(shows, "local fault", [&] { return name; });
    }
}

void Simulation::check_servers() {
    const TimePoint now = world_.now();
    const auto step = model_.next_step(now - Model::lateness);
    if (step && *step <= now) return;
    const auto expected = model_.servers(now);
    expect(expected.size() == control_->pools().all().size(), "pools",
           [] { return std::string("the model has others"); });
    check_readiness(expected);
    for (const auto& [name, servers] : expected) {
        const auto* const pool = control_->pools().find(name);
        expect(pool != nullptr, "pools", [&] { return "there is no " + name; });
        const auto snapshot = pool->ring->snapshot();
        expect(snapshot->members().size() == servers.size(), "servers", [&] {
            return fmt::format("pool {}: {} on the ring, {} in the model", name,
                               snapshot->members().size(), servers.size());
        });
        for (const auto& [id, server] : servers) {
            const ring::Member* const member = snapshot->find(id);
            expect(member != nullptr, "servers",
                   [&] { return fmt::format("pool {} has no {}", name, id); });
            expect(is_as(*member, server), "model", [&] {
                return fmt::format("pool {} server {}: {}; the model: {}", name, id,
                                   text_of(*member), text_of(server));
            });
        }
        expect(pool->panics == model_.panics(name), "panic", [&] { return name; });
        check_fresh(name);
    }
}

void Simulation::check_fresh(const std::string& pool) {
    const auto serving = control_->pools().find(pool)->ring->snapshot();
    if (std::exchange(like_fresh_[pool], serving) == serving) return;
    ring::Balancer fresh(serving->settings());
    std::vector<ring::Change> changes;
    for (const ring::Member& member : serving->members()) {
        changes.emplace_back(ring::ServerSpec{member.id, member.weight, member.status, nullptr,
                                              member.max_connections, member.ramp});
    }
    fresh.apply(changes);
    expect(ring::fingerprint(*fresh.snapshot()) == ring::fingerprint(*serving), "fresh",
           [&] { return fmt::format("pool {} is not what a new process would have", pool); });
}

// A key moves only from a server that has lost points, or to one that has gained some.
void Simulation::check_moves() {
    decltype(rings_) now;
    for (const auto& [name, pool] : control_->pools().all()) {
        const auto after = now[name] = pool.ring->snapshot();
        const auto before = rings_[name];
        const bool comparable = before && before != after &&
                                before->settings() == after->settings() &&
                                after->settings().algorithm == ring::Algorithm::ring;
        for (std::uint64_t i = 0; comparable && i < 64; ++i) {
            const std::uint64_t hash = i * 0x9e37'79b9'7f4a'7c15;
            const ring::Member* const from = before->owner(hash);
            const ring::Member* const to = after->owner(hash);
            if (from == nullptr || to == nullptr || from->id == to->id) continue;
            const auto points = [hash](const ring::Snapshot& in, const std::string& id) {
                const ring::Member* const member = in.find(id);
                const bool counts = member != nullptr && member->status == ring::Status::online;
                return counts ? member->points : 0U;
            };
            const bool lost = points(*after, from->id) < points(*before, from->id);
            const bool gained = points(*after, to->id) > points(*before, to->id);
            expect(lost || gained, "moves", [&] {
                return fmt::format("pool {}: a key went from {} to {}", name, from->id, to->id);
            });
        }
    }
    rings_ = std::move(now);
}

// Plans the edited file, reloads it, and finds the rings that were planned. A plan shows servers
// that begin a slow start with all their points, and new ones, which may have to wait for them.
void Simulation::plan(Random& /*random*/) {
    text_ = configs_.next(text_);
    is_valid_ = true;
    write_file(text_);
    holds_ = false;
    turn();
    if (!is_quiet()) return;
    const conf::Config next = parsed(text_);
    check_plan_answer(ask_now("plan " + proxy::quote_word(file_)));
    if (!control_->pools().layers().check(next)) return;
    const auto planned = proxy::make_rings(control_->pools().drafts_of(next));
    // Of whom what is known stays known: at another address is another server for its checks.
    const auto checked_at = [](const proxy::DesiredServer& server) {
        return server.address.to_string() + ' ' +
               server.check_address.value_or(server.address).to_string();
    };
    struct Known {
        std::string at;
        bool online;
    };
    std::map<std::pair<std::string, std::string>, Known> known;
    for (const auto& [name, pool] : control_->pools().all()) {
        for (const auto& [id, server] : pool.servers) {
            const Known now{checked_at(server.desired), server.health.is_online()};
            known.emplace(std::pair{name, id}, now);
        }
    }
    reloads_.push_back({});
    const auto answer = ask_now("reload");
    if (answer.at("ok") != true) return;
    for (const auto& [name, ring] : planned) {
        const auto& pool = *control_->pools().find(name);
        const bool all_known = std::ranges::all_of(pool.servers, [&](const auto& entry) {
            const auto before = known.find({name, entry.first});
            const bool is_known = before != known.end() &&
                                  before->second.at == checked_at(entry.second.desired) &&
                                  before->second.online == entry.second.health.is_online();
            return is_known || (entry.second.health.ramp() == ring::full_ramp &&
                                !entry.second.health.condition().awaits_check);
        });
        if (!all_known) continue;
        const auto serving = pool.ring->snapshot();
        expect(ring::fingerprint(*ring) == ring::fingerprint(*serving), "plan", [&] {
            std::string what = fmt::format("pool {} is not as planned:", name);
            for (const ring::Member& member : serving->members()) {
                const ring::Member* const then = ring->find(member.id);
                what += fmt::format("\n  {} status {} ramp {} x{}, planned {}", member.id,
                                    static_cast<int>(member.status), member.ramp, member.weight,
                                    then == nullptr ? "nothing"
                                                    : fmt::format("status {} ramp {} x{}",
                                                                  static_cast<int>(then->status),
                                                                  then->ramp, then->weight));
            }
            return what;
        });
    }
}

}  // namespace ringway::simulation
