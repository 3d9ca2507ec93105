#include "tests/simulation/config_rules.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <boost/json/array.hpp>

#include "conf/overlap.h"
#include "conf/scalar.h"

namespace ringway::simulation {
namespace {

using boost::json::array;
using boost::json::object;
using conf::Duration;

// A ring of more points would take longer to build than all else of a simulated event.
constexpr std::int64_t points_most = 4'096;
constexpr std::int64_t vnodes_by_default = 704;
constexpr int draws_most = 8;

void drop(object& map, std::initializer_list<std::string_view> names) {
    for (const auto name : names) map.erase(name);
}

// Draws an entry again until it is none of those seen, and if chance does not help, makes one.
void make_unique(object& map, const SchemaNode& node, std::string_view name,
                 std::set<std::string>& seen, ConfigDraw& draw) {
    std::string text(text_at(map, name));
    for (int left = draws_most; left > 0 && seen.contains(text); --left) {
        text = draw.text(node.at(name));
    }
    for (int number = 0; seen.contains(text); ++number) text = "u" + std::to_string(number);
    if (text != text_at(map, name)) map[name] = text;
    seen.insert(std::move(text));
}

void mend_health(object& health, ConfigDraw& draw) {
    const auto interval = duration_at(health, "interval", Duration{2'000});
    at_most(health, "timeout", interval);
    at_most(health, "fast_interval", interval);
    if (health.contains("http") && health.contains("expect")) {
        health.erase(draw.random().one_in(2) ? "http" : "expect");
    }
    if (!health.contains("expect")) health.erase("send");
}

void mend_passive(object& passive) {
    if (!passive.contains("retry_max")) return;
    const auto retry = duration_at(passive, "retry", Duration{5'000});
    if (duration_at(passive, "retry_max", retry) >= retry) return;
    passive["retry_max"] = conf::spell(retry);
}

void mend_server(object& server, const SchemaNode& node, bool checked, ConfigDraw& draw) {
    auto* health = map_at(server, "health");
    if (health == nullptr) return;
    if (!checked) return drop(server, {"health"});
    const bool has_port = !text_at(server, "address").starts_with("unix:");
    if (!has_port) health->erase("port");
    if (health->contains("port") && health->contains("address")) {
        health->erase(draw.random().one_in(2) ? "port" : "address");
    }
    if (health->empty()) {
        draw.set(*health, node.at("health"),
                 has_port && draw.random().one_in(2) ? "port" : "address");
    }
}

void mend_ring_size(object& pool, const array& servers) {
    std::int64_t weights = 0;
    for (const auto& server : servers) {
        const auto* weight = server.as_object().if_contains("weight");
        weights += weight == nullptr ? 1 : weight->as_int64();
    }
    const auto* hash = map_at(pool, "hash");
    if (hash != nullptr && text_at(*hash, "algorithm") == "maglev") return;
    const auto* given = hash == nullptr ? nullptr : hash->if_contains("vnodes");
    const auto vnodes = given == nullptr ? vnodes_by_default : given->as_int64();
    if (weights * vnodes <= points_most) return;
    if (hash == nullptr) pool["hash"] = object{};
    pool.at("hash").as_object()["vnodes"] = std::max<std::int64_t>(1, points_most / weights);
}

void mend_pool(object& pool, const SchemaNode& node, ConfigDraw& draw) {
    auto* hash = map_at(pool, "hash");
    if (hash != nullptr && hash->contains("seed") && hash->contains("seed_hex")) {
        hash->erase(draw.random().one_in(2) ? "seed" : "seed_hex");
    }
    if (hash != nullptr && text_at(*hash, "algorithm") == "maglev") {
        drop(*hash, {"vnodes"});
        drop(pool, {"slow_start"});
    }
    auto* proxy = map_at(pool, "proxy_protocol");
    if (proxy != nullptr && text_at(*proxy, "send") == "v1")
        drop(*proxy, {"authority", "unique_id"});
    auto* health = map_at(pool, "health");
    if (health != nullptr) mend_health(*health, draw);
    if (auto* passive = map_at(pool, "passive")) mend_passive(*passive);
    auto* servers = pool.if_contains("servers");
    if (servers == nullptr) return;
    std::set<std::string> ids;
    const auto& server_node = node.at("servers");
    for (auto& server : servers->as_array()) {
        make_unique(server.as_object(), server_node, "id", ids, draw);
        mend_server(server.as_object(), server_node, health != nullptr, draw);
    }
    mend_ring_size(pool, servers->as_array());
}

// Every pair of listeners has its own clients.
void mend_bind(object& listener, const SchemaNode& node, std::vector<conf::Endpoint>& others,
               ConfigDraw& draw) {
    const auto overlaps = [&](std::string_view text) {
        const auto address = conf::Endpoint::parse(text);
        return std::ranges::any_of(
            others, [&](const auto& other) { return conf::overlap(other, *address); });
    };
    std::string text(text_at(listener, "bind"));
    for (int left = draws_most; left > 0 && overlaps(text); --left) {
        text = draw.text(node.at("bind"));
    }
    for (int port = 7'101; overlaps(text); ++port) text = "127.0.0.1:" + std::to_string(port);
    if (text != text_at(listener, "bind")) listener["bind"] = text;
    others.push_back(*conf::Endpoint::parse(text));
}

void mend_listeners(array& listeners, const SchemaNode& node, const std::vector<std::string>& pools,
                    ConfigDraw& draw) {
    std::set<std::string> names;
    std::vector<conf::Endpoint> binds;
    for (auto& each : listeners) {
        auto& listener = each.as_object();
        make_unique(listener, node, "name", names, draw);
        mend_bind(listener, node, binds, draw);
        if (std::ranges::find(pools, text_at(listener, "pool")) == pools.end()) {
            listener["pool"] = draw.random().pick(pools);
        }
        const bool on_unix_socket = text_at(listener, "bind").starts_with("unix:");
        if (auto* proxy = map_at(listener, "proxy_protocol")) {
            if (on_unix_socket) {
                proxy->erase("trusted");
            } else {
                draw.need(*proxy, node.at("proxy_protocol"), "trusted");
            }
        }
        mend_key(listener, node, draw);
    }
}

void mend_ready(object& admin, const std::vector<std::string>& pools) {
    auto* ready = admin.if_contains("ready");
    if (ready == nullptr) return;
    array known;
    for (const auto& name : ready->as_array()) {
        const bool is_pool =
            std::ranges::find(pools, std::string_view(name.as_string())) != pools.end();
        if (is_pool && std::ranges::find(known, name) == known.end()) known.push_back(name);
    }
    *ready = std::move(known);
}

}  // namespace

Duration duration_at(const object& map, std::string_view name, Duration otherwise) {
    return conf::parse_duration(text_at(map, name)).value_or(otherwise);
}

void at_most(object& map, std::string_view name, Duration limit) {
    if (duration_at(map, name, limit) > limit) map[name] = conf::spell(limit);
}

std::string_view text_at(const object& map, std::string_view name) {
    const auto* value = map.if_contains(name);
    if (value == nullptr || !value->is_string()) return {};
    return value->get_string();
}

object* map_at(object& map, std::string_view name) {
    auto* value = map.if_contains(name);
    return value == nullptr ? nullptr : value->if_object();
}

void mend(object& root, ConfigDraw& draw) {
    const auto& schema = configuration_schema();
    std::vector<std::string> pools;
    for (auto& [name, pool] : root.at("pools").as_object()) {
        mend_pool(pool.as_object(), schema.at("pools"), draw);
        pools.emplace_back(name);
    }
    mend_listeners(root.at("listeners").as_array(), schema.at("listeners"), pools, draw);
    if (auto* admin = map_at(root, "admin")) mend_ready(*admin, pools);
}

}  // namespace ringway::simulation
