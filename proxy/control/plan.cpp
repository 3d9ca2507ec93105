#include "proxy/control/plan.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <boost/json/array.hpp>

#include "conf/scalar.h"

namespace ringway::proxy {

namespace json = boost::json;

namespace {

using SnapshotPtr = std::shared_ptr<const ring::Snapshot>;

// Rounding must not make a limit of 10 % refuse what moves 10 %.
constexpr double rounding = 1e-9;

json::value describe_ring(const SnapshotPtr& ring, const std::vector<ring::Share>& shares) {
    if (!ring) return nullptr;
    const auto online = std::ranges::count_if(
        ring->members(), [](const auto& member) { return member.status == ring::Status::online; });
    const ring::Balance balance = ring::balance(shares);
    return {{"servers", ring->members().size()},
            {"online", online},
            {"peak_to_average", balance.peak},
            {"least_to_average", balance.least}};
}

json::array describe_servers(const std::vector<ring::Share>& before,
                             const std::vector<ring::Share>& after) {
    std::map<std::string_view, std::pair<json::value, json::value>> all;
    for (const ring::Share& share : before) all[share.member->id].first = share.share;
    for (const ring::Share& share : after) all[share.member->id].second = share.share;
    json::array servers;
    for (auto& [id, pair] : all) {
        servers.push_back(
            {{"id", id}, {"before", std::move(pair.first)}, {"after", std::move(pair.second)}});
    }
    return servers;
}

json::value id_or_null(const std::string& id) {
    return id.empty() ? json::value() : json::value(id);
}

json::object describe_pool(const PoolPlan& pool) {
    const auto before = pool.before ? ring::shares(*pool.before) : std::vector<ring::Share>{};
    const auto after = pool.after ? ring::shares(*pool.after) : std::vector<ring::Share>{};
    const bool stays = pool.before && pool.after;
    json::array moves;
    for (const ring::Move& move : pool.keys.moves) {
        if (moves.size() == moves_max) break;
        moves.push_back(
            {{"from", id_or_null(move.from)}, {"to", id_or_null(move.to)}, {"share", move.share}});
    }
    json::object object{{"pool", pool.name},
                        {"state", stays        ? "stays"
                                  : pool.after ? "new"
                                               : "removed"},
                        {"moved", stays ? json::value(pool.keys.moved) : json::value()},
                        {"comparable", pool.keys.same_hash},
                        {"moves_left_out", pool.keys.moves.size() - moves.size()},
                        {"before", describe_ring(pool.before, before)},
                        {"after", describe_ring(pool.after, after)}};
    object["moves"] = std::move(moves);
    object["servers"] = describe_servers(before, after);
    return object;
}

json::value text_or_null(const std::optional<std::string>& text) {
    return text ? json::value(*text) : json::value();
}

}  // namespace

Plan make_plan(const conf::Config& before, const Rings& rings_before, const conf::Config& after,
               const Rings& rings_after) {
    Plan plan;
    plan.changes = conf::difference(before, after);
    for (const conf::Listener& now : after.listeners) {
        const auto old = std::ranges::find(before.listeners, now.name, &conf::Listener::name);
        if (old == before.listeners.end()) continue;
        auto moves = plan_routes(*old, rings_before, now, rings_after);
        std::ranges::move(moves, std::back_inserter(plan.listeners));
    }
    std::map<std::string_view, PoolPlan> pools;
    for (const auto& [name, ring] : rings_before) pools[name].before = ring;
    for (const auto& [name, ring] : rings_after) pools[name].after = ring;
    for (auto& [name, pool] : pools) {
        pool.name = name;
        if (pool.before && pool.after) pool.keys = ring::key_moves(*pool.before, *pool.after);
        plan.pools.push_back(std::move(pool));
    }
    return plan;
}

Rings rings_of(const conf::Config& config) {
    Rings rings;
    for (const conf::Pool& pool : config.pools) rings.emplace(pool.name, ring_of(pool));
    return rings;
}

json::object to_json(const Plan& plan) {
    json::array changes;
    for (const conf::Difference& change : plan.changes) {
        changes.push_back({{"path", change.path},
                           {"before", text_or_null(change.before)},
                           {"after", text_or_null(change.after)}});
    }
    json::array listeners;
    for (const ListenerPlan& listener : plan.listeners) {
        listeners.push_back({{"listener", listener.name},
                             {"route", listener.route},
                             {"moved", listener.moved},
                             {"why", listener.why}});
    }
    json::array pools;
    for (const PoolPlan& pool : plan.pools) pools.push_back(describe_pool(pool));
    return {{"changes", std::move(changes)},
            {"listeners", std::move(listeners)},
            {"pools", std::move(pools)}};
}

std::optional<double> parse_share(std::string_view text) {
    if (!text.ends_with('%')) return std::nullopt;
    const auto percent = conf::parse_decimal(text.substr(0, text.size() - 1));
    if (!percent || *percent > 100) return std::nullopt;
    return *percent / 100;
}

std::vector<std::string> beyond(const Plan& plan, double max_moved) {
    std::vector<std::string> lines;
    const auto is_beyond = [&](double moved) { return moved > max_moved + rounding; };
    for (const PoolPlan& pool : plan.pools) {
        if (!is_beyond(pool.keys.moved)) continue;
        lines.push_back(fmt::format("pool {}: {:.4g} % of the keys would move{}", pool.name,
                                    pool.keys.moved * 100,
                                    pool.keys.same_hash ? "" : ": they are hashed anew"));
    }
    for (const ListenerPlan& listener : plan.listeners) {
        if (!is_beyond(listener.moved)) continue;
        const std::string route = listener.route == "all" ? "" : ", " + listener.route;
        lines.push_back(fmt::format("listener {}{}: {:.4g} % of its keys would move: {}",
                                    listener.name, route, listener.moved * 100, listener.why));
    }
    return lines;
}

}  // namespace ringway::proxy
