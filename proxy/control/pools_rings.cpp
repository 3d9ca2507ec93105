// What the rings of pools should be, by what is wanted and what is known: for what serves and
// for what a plan shows alike.
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "proxy/control/pools.h"

namespace ringway::proxy {

namespace {

// A ring of so many points is edited in one or two milliseconds (tools/ringbench).
constexpr std::uint64_t small_points = 1 << 18;

// Nobody can have a server serve that has no address.
AdminState effective_state(const DesiredServer& desired) {
    return desired.awaits_address() ? AdminState::offline : desired.admin_state;
}

ServerFacts facts_of(std::string_view id, const DesiredServer& desired,
                     const health::Condition& condition, std::uint32_t ramp) {
    return {.id = id,
            .weight = desired.weight,
            .max_connections = desired.max_connections,
            .admin_state = effective_state(desired),
            .up = condition.up,
            .awaits_check = condition.awaits_check,
            .ramp = ramp};
}

// The admin state, for people; empty for automatic.
std::string in_words(AdminState admin_state) {
    switch (admin_state) {
        case AdminState::automatic:
            return "";
        case AdminState::drain:
            return "draining";
        case AdminState::online:
            return "online by hand";
        case AdminState::offline:
            return "offline by hand";
    }
    return "";
}

// Why a server is as it was last decided.
std::string reason_of(const Pool& pool, const PoolServer& server, const health::Condition& now) {
    const auto view = server.health.checks();
    const std::string unseen =
        view && !view->not_run_why.empty() ? "not checked: " + view->not_run_why : "";
    const std::string admin_state = in_words(server.desired.admin_state);
    if (!now.up) {
        const bool ignored = admin_state.empty() && pool.panics && !now.awaits_check;
        return fmt::format("{}{}down: {}{}{}{}", admin_state, admin_state.empty() ? "" : ", ",
                           now.reason, unseen.empty() ? "" : ", ", unseen,
                           ignored ? ", ignored in a panic" : "");
    }
    if (!admin_state.empty()) return admin_state;
    if (server.desired.weight == 0) return "weight 0";
    if (const auto fault = pool.local.cause(pool.settings)) return "cannot be dialled: " + *fault;
    if (!unseen.empty()) return unseen;
    if (server.health.ramp() < ring::full_ramp) {
        return fmt::format("ramping, {} % of its points", server.health.ramp() / 10);
    }
    return now.reason;
}

// What a server is on the ring besides its place; nullptr where it is that already.
std::shared_ptr<void> context_of(std::string_view id, const Pool& pool, const PoolServer& server,
                                 const ring::Member* member) {
    const auto* const now =
        member == nullptr ? nullptr : static_cast<const Server*>(member->context.get());
    const bool keeps_sessions = pool.tls.traffic != nullptr && pool.tls.traffic->resumes();
    const bool same = now != nullptr && now->address == server.desired.address &&
                      now->host == server.desired.host &&
                      now->failure_reports == server.health.failure_reports() &&
                      now->counts == server.counts &&
                      (now->tls_sessions != nullptr) == keeps_sessions;
    if (same) return nullptr;
    std::shared_ptr<PerWorker<KeptTlsSession>> sessions;
    if (keeps_sessions) {
        sessions = std::make_shared<PerWorker<KeptTlsSession>>(server.counts->size());
    }
    return std::make_shared<Server>(Server{.id = std::string(id),
                                           .address = server.desired.address,
                                           .counts = server.counts,
                                           .failure_reports = server.health.failure_reports(),
                                           .tls_sessions = std::move(sessions),
                                           .host = server.desired.host});
}

}  // namespace

std::string Pools::detail(std::string_view pool_name, std::string_view id) const {
    const Pool& pool = *find(pool_name);
    const PoolServer* const server = pool.find(id);
    if (server == nullptr) return "removed";
    const health::Condition now = condition_of(pool, std::string(id), server->health.condition());
    const bool online = health::availability_of(now.up, server->desired.admin_state,
                                                pool.panics && !now.awaits_check)
                            .online;
    if (server->desired.awaits_address()) {
        return "no address: " + layers_.why_no_address(server->desired.host);
    }
    std::string reason = reason_of(pool, *server, now);
    if (online == pool.ring->is_online(id)) return reason;
    return fmt::format("{}, on its way {} the ring", reason, online ? "into" : "out of");
}

health::Condition Pools::condition_of(const Pool& pool, const std::string& id,
                                      const health::Condition& own) const {
    if (!fleet_health_.condition) return own;
    return fleet_health_.condition(pool.settings.name, id, own);
}

void Pools::report_to_fleet(Pool& pool) const {
    if (!fleet_health_.report) return;
    ChecksReport report;
    for (const auto& [id, server] : pool.servers) {
        const auto view = server.health.checks();
        const health::Condition own = server.health.condition();
        const bool is_unknown = own.awaits_check || (own.up && view && !view->checked);
        if (is_unknown) report.unknown.insert(id);
        if (!is_unknown && !own.up) report.down.insert(id);
    }
    pool.has_unchecked = !report.unknown.empty();
    // Who does not have a server has no vote on it.
    for (std::string& id : fleet_health_.down(pool.settings.name)) {
        if (pool.find(id) == nullptr) report.unknown.insert(std::move(id));
    }
    fleet_health_.report(pool.settings.name, std::move(report));
}

void Pools::report_checks() {
    for (auto& [name, pool] : pools_) {
        if (pool.has_unchecked) report_to_fleet(pool);
    }
}

void Pools::set_fleet_health(FleetHealth fleet_health) {
    fleet_health_ = std::move(fleet_health);
    judge_soon(nullptr);
}

void Pools::judge_soon(const std::set<std::string>* pools) {
    for (const auto& [name, pool] : pools_) {
        if (pools == nullptr || pools->contains(name)) publisher_.publish_soon(name);
    }
}

// Decides of every server whether it is online, and how much of its points it has: what
// makes the ring that is to serve next so.
std::vector<ring::Change> Pools::judge(Pool& pool) {
    const TimePoint now = Clock::now();
    std::vector<ServerFacts> facts;
    facts.reserve(pool.servers.size());
    for (const auto& [id, server] : pool.servers) {
        facts.push_back(facts_of(id, server.desired,
                                 condition_of(pool, id, server.health.condition()),
                                 ring::full_ramp));
    }
    report_to_fleet(pool);
    const RingState state = ring_state(pool.settings.panic, facts);
    report_panic(pool, state);
    std::vector<PoolServer*> servers;
    servers.reserve(facts.size());
    for (auto& [id, server] : pool.servers) {
        const std::size_t i = servers.size();
        const bool was_down = server.health.is_down();
        server.health.turn(state.availabilities[i], state.panics, pool.settings, now);
        if (server.health.is_down() && !was_down) {
            evict(pool, {.server = server.counts, .reason = CloseReason::server_down},
                  pool.settings.on_down);
        } else if (!server.health.is_down() && was_down) {
            cancel_eviction(pool, {.server = server.counts});
        }
        facts[i].ramp = server.health.ramp();
        servers.push_back(&server);
    }
    set_alarm(pool, now);
    return ring_changes(*pool.ring->base(), facts, state,
                        [&](std::size_t i, const ring::Member* member) {
                            return context_of(facts[i].id, pool, *servers[i], member);
                        });
}

void Pools::report_panic(Pool& pool, const RingState& state) {
    if (state.panics == std::exchange(pool.panics, state.panics)) return;
    const std::string what =
        fmt::format("{} of {} servers are up: {}", state.up, state.all,
                    state.panics ? "states are ignored" : "states count again");
    spdlog::warn("pool {}: {}", pool.settings.name, what);
    events_.add(state.panics ? Event::Kind::panic : Event::Kind::panic_over, pool.settings.name, "",
                what);
}

RingDraft Pools::draft_of(const conf::Pool& next) const {
    const TimePoint now = Clock::now();
    const Pool* const pool = find(next.name);
    const DesiredServers wanted = layers_.servers_after(next);
    const health::Condition new_one{.up = true, .awaits_check = false, .reason = ""};
    std::vector<ServerFacts> facts;
    for (const auto& [id, desired] : wanted) {
        const PoolServer* const server = pool == nullptr ? nullptr : pool->find(id);
        if (server == nullptr) {
            facts.push_back(facts_of(id, desired, new_one, ring::full_ramp));
        } else {
            const health::Condition condition =
                server->health.condition_after(next, desired, server->desired, now);
            facts.push_back(facts_of(id, desired, condition_of(*pool, id, condition),
                                     server->health.ramp_at(next, now)));
        }
    }
    const bool same_ring = pool != nullptr && pool->settings.hash == next.hash;
    // The one with these settings, which may have yet to serve.
    auto base =
        same_ring ? pool->ring->base() : ring::Balancer(ring_settings(next.hash)).snapshot();
    auto changes = ring_changes(*base, facts, ring_state(next.panic, facts),
                                [](std::size_t, const ring::Member*) { return nullptr; });
    return {next.name, std::move(base), std::move(changes)};
}

std::vector<RingDraft> Pools::drafts_of(const conf::Config& config) const {
    std::vector<RingDraft> drafts;
    for (const conf::Pool& next : config.pools) drafts.push_back(draft_of(next));
    return drafts;
}

void Pools::evict(const Pool& pool, Eviction eviction, const conf::Leaving& leaving) {
    using Way = conf::Leaving::Way;
    if (leaving.way == Way::keep) return;
    eviction.over = leaving.way == Way::drain ? leaving.over : conf::Duration(0);
    publisher_.evict(pool.settings.name, eviction);
}

// The connections that it would end, those that are left, stay.
void Pools::cancel_eviction(const Pool& pool, const Eviction& eviction) {
    publisher_.cancel_eviction(pool.settings.name, eviction);
    connections_.cancel_eviction(eviction);
}

std::shared_ptr<const ring::Snapshot> ring_of(const conf::Pool& pool) {
    ring::Balancer balancer(ring_settings(pool.hash));
    std::vector<ring::Change> changes;
    for (const conf::Server& server : pool.servers) {
        changes.emplace_back(ring::ServerSpec{.id = server.id, .weight = server.weight});
    }
    balancer.apply(changes);
    return balancer.snapshot();
}

Rings make_rings(const std::vector<RingDraft>& drafts) {
    Rings rings;
    for (const RingDraft& draft : drafts) {
        rings.emplace(draft.pool, ring::preview(draft.base, draft.changes));
    }
    return rings;
}

Rings Pools::rings() const {
    Rings rings;
    for (const auto& [name, pool] : pools_) rings.emplace(name, pool.ring->snapshot());
    return rings;
}

const PoolServer* Pool::find(std::string_view id) const {
    const auto found = servers.find(id);
    return found == servers.end() ? nullptr : &found->second;
}

std::uint64_t Pool::online() const {
    const auto serving = ring->snapshot();
    return static_cast<std::uint64_t>(
        std::ranges::count_if(serving->members(), [&](const ring::Member& member) {
            return member.status == ring::Status::online && servers.contains(member.id);
        }));
}

bool Pools::is_small(std::string_view pool) const {
    const Pool* const of = find(pool);
    if (of == nullptr) return true;
    std::uint64_t weights = 0;
    for (const auto& [id, server] : of->servers) weights += server.desired.weight;
    const bool maglev = of->settings.hash.algorithm == conf::HashSettings::Algorithm::maglev;
    return (maglev ? of->servers.size() : weights) * of->settings.hash.vnodes <= small_points;
}

}  // namespace ringway::proxy
