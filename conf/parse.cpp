// The configuration file, section by section: one function each, one line per
// entry. Bounds stand here; conf/section.h says what the calls do.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "conf/config.h"
#include "conf/parse_health.h"
#include "conf/section.h"
#include "conf/text.h"
#include "conf/yaml.h"

namespace ringway::conf {
namespace {

using std::string_view;

constexpr std::size_t servers_max = 65'535;                   // of one pool
constexpr std::uint64_t points_max = std::uint64_t{1} << 24;  // of one pool's ring
constexpr std::int64_t connections_max = 1'000'000'000;
constexpr std::size_t socket_path_bytes_max = 107;  // unix(7): sun_path less its NUL

// The kinds of key, in the order of KeySettings::From, and those of later versions.
const std::vector<string_view> key_kinds{"source_ip", "first_line", "header"};
const std::vector<string_view> later_key_kinds{"source", "destination", "sni",  "field",
                                               "bytes",  "regex",       "proxy"};

bool read_key_kind(const Value& value, KeySettings& key) {
    const auto kind = value.keyword(key_kinds, later_key_kinds);
    if (kind) key.from = static_cast<KeySettings::From>(*kind);
    return kind.has_value();
}

// Entries that have no meaning with this kind of key.
void check_key(const Section& section, const KeySettings& key) {
    using From = KeySettings::From;
    const auto only = [&](string_view name, bool fits, const std::string& kinds) {
        if (section.has(name) && !fits) section.error(name, "has a meaning only for " + kinds);
    };
    only("prefix_v4", key.from == From::source_ip, "from: source_ip");
    only("prefix_v6", key.from == From::source_ip, "from: source_ip");
    only("name", key.from == From::header, "from: header");
    only("max_bytes", key.from != From::source_ip, "from: first_line and from: header");
    if (key.from == From::header) section.need({"name"});
}

// The short form is one word, the long form a map.
void read_key(const Value& value, KeySettings& key) {
    if (value.node().kind != Node::Kind::map) {
        if (read_key_kind(value, key) && key.from == KeySettings::From::header) {
            value.error("a header key needs a name: {from: header, name: ...}");
        }
        return;
    }
    Section section(value);
    bool good = false;
    section.value("from", [&](const Value& from) { good = read_key_kind(from, key); });
    section.integer("prefix_v4", key.prefix_v4, 1, 32);
    section.integer("prefix_v6", key.prefix_v6, 1, 128);
    section.text("name", key.name, name_rule);
    section.size_bytes("max_bytes", key.max_bytes, 16, 64 << 10);
    section.fixed("on_missing", "reject", {"source_ip"});
    section.need({"from"});
    if (good) check_key(section, key);
    section.finish();
}

void read_timeouts(Section& section, ListenerTimeouts& timeouts) {
    section.duration("key", timeouts.key);
    section.duration("idle", timeouts.idle);
    section.duration("half_close", timeouts.half_close);
    section.duration("unacknowledged", timeouts.unacknowledged);
    section.duration("keepalive", timeouts.keepalive);
}

void read_hash(Section& section, HashSettings& hash) {
    using Function = HashSettings::Function;
    using Algorithm = HashSettings::Algorithm;
    section.choice<Algorithm>("algorithm", hash.algorithm,
                              {{"ring", Algorithm::ring}, {"maglev", Algorithm::maglev}});
    section.choice<Function>("function", hash.function,
                             {{"sha256", Function::sha256}, {"xxh3", Function::xxh3}});
    section.integer("vnodes", hash.vnodes, 1, 65'536);
    section.text("seed", hash.seed);
    section.integer("mapping", hash.mapping, 1, 1);
    section.decimal("balance_factor", hash.balance_factor, 1, 1'000);
    if (section.has("vnodes") && hash.algorithm == Algorithm::maglev) {
        section.error("vnodes", "has a meaning only for algorithm: ring");
    }
}

void read_connect(Section& section, ConnectSettings& connect) {
    section.duration("timeout", connect.timeout);
    section.integer("attempts", connect.attempts, 1, 16);
    section.duration("budget", connect.budget);
}

Server read_server(const Value& value, Unique& ids, bool checked) {
    Server server;
    server.position = value.position();
    Section section(value);
    if (section.text("id", server.id)) ids.check(section, "id", server.id);
    section.endpoint("address", server.address);
    section.integer("weight", server.weight, 0, 1'000);
    section.integer("max_connections", server.max_connections, 1, connections_max);
    section.section("health", [&](Section& inner) { read_check_address(inner, server, checked); });
    section.need({"id", "address"});
    section.finish();
    return server;
}

// The size of a ring is known, and refused, before a point of it is made.
void check_ring_size(const Section& section, const Pool& pool) {
    if (pool.servers.size() > servers_max) {
        section.error("servers", "expected at most " + std::to_string(servers_max) +
                                     " servers, found " + std::to_string(pool.servers.size()));
    }
    std::uint64_t weights = 0;
    for (const auto& server : pool.servers) weights += server.weight;
    if (weights * pool.hash.vnodes > points_max) {
        section.error("servers", "expected a ring of at most " + std::to_string(points_max) +
                                     " points, found " + std::to_string(weights) +
                                     " (sum of weights) x " + std::to_string(pool.hash.vnodes) +
                                     " (vnodes) = " + std::to_string(weights * pool.hash.vnodes));
    }
}

Pool read_pool(const Value& key, const Value& value) {
    Pool pool;
    pool.name = key.node().text;
    pool.position = key.position();
    check_text(key, pool.name, name_rule);
    Section section(value);
    section.section("hash", [&](Section& inner) { read_hash(inner, pool.hash); });
    section.section("connect", [&](Section& inner) { read_connect(inner, pool.connect); });
    section.section("health", [&](Section& inner) { read_health(inner, pool.health.emplace()); });
    section.section("passive",
                    [&](Section& inner) { read_passive(inner, pool.passive.emplace()); });
    section.value("on_down", [&](const Value& way) { read_leaving(way, pool.on_down); });
    section.value("on_removed", [&](const Value& way) { read_leaving(way, pool.on_removed); });
    section.decimal("panic", pool.panic, 0, 1);
    section.duration("slow_start", pool.slow_start);
    if (section.has("slow_start") && pool.hash.algorithm == HashSettings::Algorithm::maglev) {
        section.error("slow_start", "has a meaning only for algorithm: ring");
    }
    Unique ids("the id");
    section.list("servers", [&](const Value& server) {
        pool.servers.push_back(read_server(server, ids, pool.health.has_value()));
    });
    check_ring_size(section, pool);
    section.finish();
    return pool;
}

// What listeners have to agree on with one another and with the pools.
struct ListenerChecks {
    Unique names{"the name"};
    Unique binds{"the address"};
    bool pools_known = false;
    std::vector<string_view> pools;  // sorted
};

void check_listener(const Section& section, const Listener& listener, ListenerChecks& checks,
                    bool has_bind) {
    if (!listener.name.empty()) checks.names.check(section, "name", listener.name);
    if (has_bind) checks.binds.check(section, "bind", listener.bind.to_string());
    if (listener.pool.empty() || !checks.pools_known) return;
    if (!std::ranges::binary_search(checks.pools, string_view(listener.pool))) {
        section.error("pool", "there is no pool " + quoted(listener.pool) +
                                  section.did_you_mean(listener.pool, checks.pools));
    }
}

Listener read_listener(const Value& value, ListenerChecks& checks) {
    Listener listener;
    listener.position = value.position();
    Section section(value);
    section.text("name", listener.name, name_rule);
    const bool has_bind = section.endpoint("bind", listener.bind);
    section.text("pool", listener.pool);
    section.value("key", [&](const Value& key) { read_key(key, listener.key); });
    section.section("timeouts", [&](Section& inner) { read_timeouts(inner, listener.timeouts); });
    section.integer("max_connections", listener.max_connections, 1, connections_max);
    section.later({"proxy_protocol"});
    section.need({"name", "bind", "pool"});
    check_listener(section, listener, checks, has_bind);
    section.finish();
    return listener;
}

void read_listeners_and_pools(Section& root, Config& config) {
    ListenerChecks checks;
    root.section("pools", [&](Section& pools) {
        checks.pools_known = pools.is_map();
        pools.each([&](const Value& key, const Value& pool) {
            config.pools.push_back(read_pool(key, pool));
        });
    });
    for (const auto& pool : config.pools) checks.pools.push_back(pool.name);
    std::ranges::sort(checks.pools);
    root.value("listeners", [&](const Value& listeners) {
        const auto& node = listeners.node();
        if (node.kind == Node::Kind::list && node.items.empty()) {
            listeners.error("expected at least one listener");
        }
    });
    root.list("listeners", [&](const Value& listener) {
        config.listeners.push_back(read_listener(listener, checks));
    });
}

void read_workers(const Value& value, std::uint32_t& workers) {
    if (value.node().kind == Node::Kind::plain && value.node().text == "auto") {
        workers = 0;
    } else if (const auto count = value.integer(1, 256, "auto or ")) {
        workers = static_cast<std::uint32_t>(*count);
    }
}

void read_admin(Section& section, AdminSettings& admin) {
    section.text("socket", admin.socket, {socket_path_bytes_max, false});
    section.later({"http"});
}

void read_log(Section& section, LogSettings& log) {
    using Level = LogSettings::Level;
    section.choice<Level>("level", log.level,
                          {{"debug", Level::debug},
                           {"info", Level::info},
                           {"warn", Level::warn},
                           {"error", Level::error}});
    section.fixed("target", "stderr", {"stdout", "syslog", "journald"});
    section.fixed("format", "text", {"json"});
    section.boolean("access", log.access);
}

void read_root(Section& root, Config& config) {
    int version = 0;
    root.integer("version", version, 1, 1);
    root.value("workers", [&](const Value& value) { read_workers(value, config.workers); });
    root.duration("drain_timeout", config.drain_timeout);
    read_listeners_and_pools(root, config);
    root.section("admin", [&](Section& section) { read_admin(section, config.admin); });
    root.section("log", [&](Section& section) { read_log(section, config.log); });
    root.need({"version", "listeners", "pools"});
}

}  // namespace

std::variant<Config, Errors> parse(std::string_view yaml) {
    Config config;
    Report report;
    Errors yaml_errors;
    Node root = load_yaml(yaml, yaml_errors);
    report.add(std::move(yaml_errors));
    if (root.kind == Node::Kind::null) {
        report.add({1, 1}, Path{}, "the file is empty: expected version, listeners and pools");
    } else {
        const Path path;
        Section section(Value(root, path, report));
        read_root(section, config);
        section.finish();
    }
    if (report.empty()) return config;
    return report.take();
}

}  // namespace ringway::conf
