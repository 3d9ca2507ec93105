// The configuration file, section by section: one function each, one line per entry. Bounds are
// here; conf/section.h documents the calls.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "conf/config.h"
#include "conf/fallbacks.h"
#include "conf/key.h"
#include "conf/overlap.h"
#include "conf/parse.h"
#include "conf/parse_health.h"
#include "conf/parse_log.h"
#include "conf/parse_proxy.h"
#include "conf/parse_routes.h"
#include "conf/parse_sources.h"
#include "conf/parse_tls.h"
#include "conf/scalar.h"
#include "conf/section.h"
#include "conf/text.h"
#include "conf/watch.h"
#include "conf/yaml.h"

namespace ringway::conf {
namespace {

using std::string_view;

constexpr std::int64_t connections_max = 1'000'000'000;

void read_timeouts(Section& section, ListenerTimeouts& timeouts) {
    section.duration("key", timeouts.key);
    section.duration("idle", timeouts.idle);
    section.duration("half_close", timeouts.half_close);
    section.duration("unacknowledged", timeouts.unacknowledged);
    section.duration("keepalive", timeouts.keepalive);
}

// Bytes that no text can be, for seeds that other programs of the mapping have. The text
// is not repeated: it is a secret.
void read_seed_hex(Section& section, HashSettings& hash) {
    section.value("seed_hex", [&](const Value& value) {
        const auto text = value.text();
        if (!text) return;
        const auto bytes = parse_hex(*text);
        if (!bytes || bytes->empty() || bytes->size() > seed_bytes_max) {
            return value.error("expected 1 to " + std::to_string(seed_bytes_max) +
                               " bytes of two hexadecimal digits each");
        }
        hash.seed = *bytes;
    });
    if (section.has("seed") && section.has("seed_hex")) {
        section.error("seed_hex", "contradicts seed, at " + to_string(section.where("seed")));
    }
}

void read_hash(Section& section, HashSettings& hash) {
    using Function = HashSettings::Function;
    using Algorithm = HashSettings::Algorithm;
    section.choice<Algorithm>("algorithm", hash.algorithm,
                              {{"ring", Algorithm::ring}, {"maglev", Algorithm::maglev}});
    section.choice<Function>("function", hash.function,
                             {{"sha256", Function::sha256}, {"xxh3", Function::xxh3}});
    section.integer("vnodes", hash.vnodes, 1, vnodes_max);
    section.text("seed", hash.seed);
    read_seed_hex(section, hash);
    section.integer("mapping", hash.mapping, 1, 1);
    section.decimal("balance_factor", hash.balance_factor, 1, balance_factor_max);
    if (section.has("vnodes") && hash.algorithm == Algorithm::maglev) {
        section.error("vnodes", "has a meaning only for algorithm: ring");
    }
}

void read_connect(Section& section, ConnectSettings& connect) {
    section.duration("timeout", connect.timeout);
    section.integer("attempts", connect.attempts, 1, 16);
    section.duration("budget", connect.budget);
    section.ip_address("source_v4", connect.source_v4);
    section.ip_address("source_v6", connect.source_v6);
    if (connect.source_v4 && connect.source_v4->is_v6) {
        section.error("source_v4", "expected an IPv4 address");
    }
    if (connect.source_v6 && !connect.source_v6->is_v6) {
        section.error("source_v6", "expected an IPv6 address");
    }
}

}  // namespace

Server read_server(const Value& value, Unique& ids, bool checked) {
    Server server;
    server.position = value.position();
    Section section(value);
    if (section.text("id", server.id, {id_bytes_max})) ids.check(section, "id", server.id);
    read_server_address(section, server);
    section.integer("weight", server.weight, 0, weight_max);
    section.integer("max_connections", server.max_connections, 1, connections_max);
    section.section("health", [&](Section& inner) { read_check_address(inner, server, checked); });
    section.need({"id", "address"});
    section.finish();
    return server;
}

namespace {

// The size of a ring is known, and refused, before a point of it is made.
void check_ring_size(const Section& section, const Pool& pool) {
    if (pool.servers.size() > servers_max) {
        section.error("servers", "expected at most " + std::to_string(servers_max) +
                                     " servers, found " + std::to_string(pool.servers.size()));
    }
    if (pool.hash.algorithm != HashSettings::Algorithm::ring) return;  // without points
    std::uint64_t weights = 0;
    for (const auto& server : pool.servers) weights += server.weight;
    if (weights * pool.hash.vnodes > points_max) {
        section.error("servers", "expected a ring of at most " + std::to_string(points_max) +
                                     " points, found " + std::to_string(weights) +
                                     " (sum of weights) x " + std::to_string(pool.hash.vnodes) +
                                     " (vnodes) = " + std::to_string(weights * pool.hash.vnodes));
    }
}

}  // namespace

Pool read_pool(const Value& key, const Value& value) {
    Pool pool;
    pool.name = key.node().text;
    pool.position = key.position();
    check_text(key, pool.name, name_rule);
    Section section(value);
    section.section("hash", [&](Section& inner) { read_hash(inner, pool.hash); });
    section.section("connect", [&](Section& inner) { read_connect(inner, pool.connect); });
    section.section("proxy_protocol",
                    [&](Section& inner) { read_send_proxy(inner, pool.send_proxy); });
    section.section("health", [&](Section& inner) {
        read_health(inner, pool.health.emplace(), section.has("tls"));
    });
    const bool checks_too = pool.health && pool.health->tls_from == HealthSettings::TlsFrom::pool;
    section.section("tls",
                    [&](Section& inner) { read_pool_tls(inner, pool.tls.emplace(), checks_too); });
    section.section("passive",
                    [&](Section& inner) { read_passive(inner, pool.passive.emplace()); });
    section.text("fallback", pool.fallback);
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
    section.section("servers_from", [&](Section& inner) {
        read_servers_from(inner, pool.servers_from, pool.health.has_value());
    });
    check_ring_size(section, pool);
    section.finish();
    return pool;
}

namespace {

// An address; for TCP also several ports of it, one after the other.
bool read_bind(Section& section, Listener& listener) {
    bool good = false;
    section.value("bind", [&](const Value& value) {
        const Node& node = value.node();
        const auto dash = node.text.rfind('-');
        const auto colon = node.text.rfind(':');
        const bool is_range = value.node().kind != Node::Kind::list && dash != std::string::npos &&
                              colon != std::string::npos && colon < dash &&
                              !node.text.starts_with("unix:");
        if (!is_range) {
            const auto endpoint = value.endpoint();
            good = endpoint.has_value();
            if (endpoint) listener.bind = *endpoint;
            return;
        }
        const auto ports = PortRange::parse(string_view(node.text).substr(colon + 1));
        const auto first = Endpoint::parse(string_view(node.text).substr(0, dash));
        if (!ports || !first || first->is_unix) {
            return value.expected("an IP address and a range of ports, as 192.0.2.1:6000-6099");
        }
        const std::size_t count = std::size_t{ports->last} - ports->first + 1U;
        if (count > bind_ports_max) {
            return value.error("expected at most " + std::to_string(bind_ports_max) +
                               " ports, found " + std::to_string(count));
        }
        listener.bind = *first;
        listener.last_port = ports->last > ports->first ? ports->last : std::uint16_t{0};
        good = true;
    });
    return good;
}

void read_defer_accept(Section& section, Listener& listener) {
    if (!section.duration("defer_accept", listener.defer_accept)) return;
    if (listener.bind.is_unix) section.error("defer_accept", "has a meaning only for TCP");
    // A client of TLS speaks first, whatever its key.
    const auto reads_bytes = [](const ListenerRoute& route) {
        return route.match.reads_tls() || route.key.reads_bytes();
    };
    const bool reads = listener.tls || listener.proxy_protocol ||
                       std::ranges::any_of(listener.routes, reads_bytes);
    if (!reads) {
        section.error("defer_accept", "has a meaning only where bytes of the client are read");
    }
}

}  // namespace

std::optional<std::string> ListenerChecks::why_no_pool(const std::string& name,
                                                       const Section& section) const {
    if (!pools_known || std::ranges::binary_search(pools, string_view(name))) return std::nullopt;
    return "there is no pool " + quoted(name) + section.did_you_mean(name, pools);
}

Listener read_listener(const Value& value, ListenerChecks& checks) {
    Listener listener;
    listener.position = value.position();
    Section section(value);
    section.text("name", listener.name, name_rule);
    const bool has_bind = read_bind(section, listener);
    section.section("proxy_protocol", [&](Section& inner) {
        read_proxy_protocol(inner, listener.proxy_protocol.emplace(), listener.bind.is_unix);
    });
    section.section("tls",
                    [&](Section& inner) { read_listener_tls(inner, listener.tls.emplace()); });
    KeyNeighbours neighbours{.after_proxy_header = listener.proxy_protocol.has_value(),
                             .terminates_tls = listener.tls.has_value()};
    section.section("timeouts", [&](Section& inner) {
        read_timeouts(inner, listener.timeouts);
        if (inner.has("key")) neighbours.timeout_position = inner.where("key");
    });
    neighbours.timeout = listener.timeouts.key;
    section.need({"name", "bind"});
    read_routes(section, listener, neighbours, checks);
    read_defer_accept(section, listener);
    section.integer("max_connections", listener.max_connections, 1, connections_max);
    if (!listener.name.empty()) checks.names.check(section, "name", listener.name);
    if (has_bind) checks.binds.check(section, listener);
    section.finish();
    return listener;
}

namespace {

void read_pools(Section& root, Config& config, ListenerChecks& checks) {
    root.section("pools", [&](Section& pools) {
        checks.pools_known = pools.is_map() && !pools.is_cut();
        pools.each([&](const Value& key, const Value& pool) {
            config.pools.push_back(read_pool(key, pool));
        });
        for (const auto& pool : config.pools) checks.pools.push_back(pool.name);
        std::ranges::sort(checks.pools);
        check_fallbacks(pools, config.pools, checks);
    });
    if (config.pools.size() > pools_max) {
        root.error("pools", "expected at most " + std::to_string(pools_max) + " pools, found " +
                                std::to_string(config.pools.size()));
    }
}

void read_listeners(Section& root, Config& config, ListenerChecks& checks) {
    root.value("listeners", [&](const Value& listeners) {
        const auto& node = listeners.node();
        if (node.kind == Node::Kind::list && node.items.empty()) {
            listeners.error("expected at least one listener");
        }
        if (node.items.size() > listeners_max) {
            listeners.error("expected at most " + std::to_string(listeners_max) +
                            " listeners, found " + std::to_string(node.items.size()));
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

// No listener may overlap the admin's sockets.
void check_admin_address(const Section& section, string_view name, const Endpoint& address,
                         const Binds& binds) {
    const auto* const other = binds.overlapping(address);
    if (other == nullptr) return;
    section.error(name, quoted(address.to_string()) + " overlaps " +
                            quoted(other->address.to_string()) + ", the listener's at " +
                            to_string(other->position));
}

void read_ready(Section& section, AdminSettings& admin, const ListenerChecks& checks) {
    if (section.has("ready")) admin.ready.emplace();
    Unique names("the pool");
    section.list("ready", [&](const Value& value) {
        const auto name = value.text("the name of a pool");
        if (!name) return;
        const std::string wanted(*name);
        names.check(value, wanted);
        if (const auto error = checks.why_no_pool(wanted, section)) value.error(*error);
        admin.ready->push_back(wanted);
    });
}

void read_admin(Section& section, AdminSettings& admin, const ListenerChecks& checks) {
    section.text("socket", admin.socket, {socket_path_bytes_max, false});
    section.value("http", [&](const Value& value) {
        const std::string what =
            R"(an IP address and a port, as 127.0.0.1:9090 or, in quotes, "[::1]:9090")";
        const auto spelling = value.text(what);
        if (!spelling) return;
        admin.http = Endpoint::parse(*spelling);
        if (!admin.http || admin.http->is_unix) value.expected(what);
    });
    if (admin.http && !admin.http->is_unix) {
        check_admin_address(section, "http", *admin.http, checks.binds);
    }
    if (admin.socket.starts_with('/')) {
        const Endpoint socket{.is_unix = true, .path = admin.socket};
        check_admin_address(section, "socket", socket, checks.binds);
    }
    section.text("state", admin.state, {path_bytes_max, false});
    read_ready(section, admin, checks);
}

void read_root(Section& root, Config& config) {
    int version = 0;
    root.integer("version", version, 1, 1);
    root.value("workers", [&](const Value& value) { read_workers(value, config.workers); });
    root.choice<Engine>(
        "engine", config.engine,
        {{"auto", Engine::automatic}, {"epoll", Engine::epoll}, {"io_uring", Engine::io_uring}});
    root.duration("drain_delay", config.drain_delay);
    root.duration("drain_timeout", config.drain_timeout);
    ListenerChecks checks;
    read_pools(root, config, checks);
    read_listeners(root, config, checks);
    root.section("admin", [&](Section& section) { read_admin(section, config.admin, checks); });
    root.section("log", [&](Section& section) { read_log(section, config.log); });
    root.section("dns", [&](Section& section) { read_dns(section, config.dns); });
    root.section("fleet", [&](Section& section) { read_fleet(section, config.fleet.emplace()); });
    root.need({"version", "listeners", "pools"});
}

}  // namespace

Result<Config, Errors> parse(std::string_view yaml, std::size_t& bytes_read) {
    Config config;
    Report report;
    Errors yaml_errors;
    PartsWatch parts;
    Tree tree = load_yaml(yaml, yaml_errors, [&](const auto& around, const Node& complete) {
        return parts.on_node(around, complete);
    });
    bytes_read = tree.bytes_read;
    report.add(std::move(yaml_errors));
    if (tree.root.kind == Node::Kind::null && !tree.cut) {
        report.add({1, 1}, Path{}, "the file is empty: expected version, listeners and pools");
    } else if (!tree.cut || tree.root.kind == Node::Kind::map) {
        const Path path;
        Section section(Value(tree.root, path, report));
        read_root(section, config);
        section.finish();
    }
    if (tree.cut) report.cut(std::move(*tree.cut));
    if (report.empty()) return config;
    return report.take();
}

Result<Config, Errors> parse(std::string_view yaml) {
    std::size_t ignored = 0;
    return parse(yaml, ignored);
}

}  // namespace ringway::conf
