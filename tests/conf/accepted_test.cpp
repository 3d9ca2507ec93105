// What a good file means: every value arrives, every default is as documented.
#include <chrono>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/conf/sample.h"

using namespace ringway::conf;
using namespace ringway::conf::tests;
using namespace std::chrono_literals;
using namespace std::string_literals;

BOOST_AUTO_TEST_SUITE(accepted)

BOOST_AUTO_TEST_CASE(a_small_file_gets_the_defaults) {
    const auto config = config_of(sample());
    BOOST_TEST(config.workers == 0U);
    BOOST_TEST((config.engine == Engine::automatic));
    BOOST_TEST((config.drain_timeout == 30s));
    BOOST_TEST((config.drain_delay == 0s));
    BOOST_TEST((config.admin == AdminSettings{}));
    BOOST_TEST((config.log == LogSettings{}));
    BOOST_TEST_REQUIRE(config.listeners.size() == 1U);
    const auto& listener = config.listeners[0];
    BOOST_TEST(listener.name == "web");
    BOOST_TEST(listener.bind.to_string() == "0.0.0.0:80");
    BOOST_TEST(*listener.only_pool() == "main");
    BOOST_TEST((listener.routes[0].key == KeySettings{}));
    BOOST_TEST((listener.timeouts == ListenerTimeouts{}));
    BOOST_TEST_REQUIRE(config.pools.size() == 1U);
    const auto& pool = config.pools[0];
    BOOST_TEST(pool.name == "main");
    BOOST_TEST((pool.hash == HashSettings{}));
    BOOST_TEST((pool.connect == ConnectSettings{}));
    BOOST_TEST(!pool.health);
    BOOST_TEST_REQUIRE(pool.servers.size() == 1U);
    BOOST_TEST(pool.servers[0].id == "s1");
    BOOST_TEST(pool.servers[0].address.to_string() == "10.0.0.1:80");
    BOOST_TEST(pool.servers[0].weight == 1U);
}

BOOST_AUTO_TEST_CASE(top_entries_arrive) {
    BOOST_TEST(config_of(sample({"workers: auto", {}, {}, {}})).workers == 0U);
    BOOST_TEST(config_of(sample({"workers: 256", {}, {}, {}})).workers == 256U);
    BOOST_TEST((config_of(sample({"engine: auto", {}, {}, {}})).engine == Engine::automatic));
    BOOST_TEST((config_of(sample({"engine: epoll", {}, {}, {}})).engine == Engine::epoll));
    BOOST_TEST((config_of(sample({"engine: io_uring", {}, {}, {}})).engine == Engine::io_uring));
    BOOST_TEST((config_of(sample({"drain_timeout: 24h", {}, {}, {}})).drain_timeout == 24h));
    BOOST_TEST(config_of(sample({"admin: {socket: /run/a}", {}, {}, {}})).admin.socket == "/run/a");
    BOOST_TEST((config_of(sample({"drain_delay: 1h", {}, {}, {}})).drain_delay == 1h));
    const auto ready = [](std::string_view line) {
        return config_of(sample({line, {}, {}, {}})).admin.ready.value();
    };
    BOOST_TEST((ready("admin: {ready: [main]}") == std::vector<std::string>{"main"}));
    BOOST_TEST(ready("admin: {ready: []}").empty());
    const auto http = [](std::string_view line) {
        return config_of(sample({line, {}, {}, {}})).admin.http->to_string();
    };
    BOOST_TEST(http("admin: {http: \"127.0.0.1:9090\"}") == "127.0.0.1:9090");
    BOOST_TEST(http("admin: {http: \"[::]:90\"}") == "[::]:90");
    const auto log = config_of(sample({"log: {level: warn, access: false}", {}, {}, {}})).log;
    BOOST_TEST((log == LogSettings{.level = LogSettings::Level::warn, .access = false}));
    const auto other = config_of(sample({"log: {target: /a/b, format: json}", {}, {}, {}})).log;
    BOOST_TEST((other == LogSettings{.target = "/a/b", .format = LogSettings::Format::json}));
    for (const char* target : {"stderr", "stdout", "syslog", "syslog:/run/log.sock"}) {
        const auto line = "log: {target: " + std::string(target) + "}";
        BOOST_TEST(config_of(sample({line, {}, {}, {}})).log.target == target);
    }
}

BOOST_AUTO_TEST_CASE(keys_arrive_in_every_form) {
    using From = KeyPart::From;
    const auto key = [](std::string_view line) {
        return config_of(sample({{}, line, {}, {}})).listeners[0].routes.at(0).key;
    };
    const auto part = [&](std::string_view line) {
        const auto settings = key(line);
        BOOST_TEST(settings.parts.size() == 1u);
        return settings.parts[0];
    };
    BOOST_TEST((key("key: source_ip") == KeySettings{}));
    BOOST_TEST((part("key: {from: source_ip, prefix_v4: 1, prefix_v6: 64}") ==
                KeyPart{.prefix_v4 = 1, .prefix_v6 = 64}));
    BOOST_TEST((part("key: first_line") == KeyPart{.from = From::first_line}));
    BOOST_TEST((part("key: {name: X-User, from: header}") ==
                KeyPart{.from = From::header, .name = "X-User"}));
    BOOST_TEST(
        (part("key: {name: sid, from: cookie}") == KeyPart{.from = From::cookie, .name = "sid"}));
    BOOST_TEST(
        (part("key: {from: field, number: 2}") == KeyPart{.from = From::field, .number = 2}));
    BOOST_TEST((part("key: {from: field, number: 64, separator: \"\\t\"}") ==
                KeyPart{.from = From::field, .number = 64, .separator = "\t"}));
    BOOST_TEST((part("key: {from: bytes, offset: 4, length: 16}") ==
                KeyPart{.from = From::bytes, .offset = 4, .length = 16}));
    BOOST_TEST((part("key: {from: regex, pattern: \"a(b)(c)\"}") ==
                KeyPart{.from = From::regex, .pattern = "a(b)(c)", .group = 1}));
    BOOST_TEST((part("key: {from: regex, pattern: \"a\", group: 0, length: 9}") ==
                KeyPart{.from = From::regex, .length = 9, .pattern = "a"}));
    BOOST_TEST((part("key: sni") == KeyPart{.from = From::sni}));
    BOOST_TEST((part("key: alpn") == KeyPart{.from = From::alpn}));
    for (const auto& [word, from] : {std::pair{"mqtt_client_id", From::mqtt_client_id},
                                     {"mqtt_username", From::mqtt_username},
                                     {"postgres_user", From::postgres_user},
                                     {"postgres_database", From::postgres_database},
                                     {"rdp_cookie", From::rdp_cookie}}) {
        BOOST_TEST((part("key: "s + word) == KeyPart{.from = from}));
        BOOST_TEST(part("key: "s + word).reads_bytes());
        BOOST_TEST(key("key: {parts: [source_ip, "s + word + ", {from: bytes, length: 1}]}")
                       .parts.size() == 3u);
    }
    BOOST_TEST(key("key: {parts: [postgres_user, postgres_database]}").parts.size() == 2u);
    BOOST_TEST(key("key: {parts: [mqtt_username, mqtt_client_id]}").parts.size() == 2u);
    BOOST_TEST((part("key: source") == KeyPart{.from = From::source}));
    BOOST_TEST((part("key: destination") == KeyPart{.from = From::destination}));
    BOOST_TEST((part("key: target") == KeyPart{.from = From::target}));
    BOOST_TEST((key("key: {from: sni, max_bytes: 16B, on_missing: source_ip}") ==
                KeySettings{{{.from = From::sni}}, 16, KeySettings::OnMissing::source_ip}));
    BOOST_TEST((key("key: {from: sni, max_bytes: 64KiB, on_missing: random}") ==
                KeySettings{{{.from = From::sni}}, 64 << 10, KeySettings::OnMissing::random}));
    BOOST_TEST((key("key: {from: sni, on_missing: {policy: source_ip, after: 5s}}") ==
                KeySettings{.parts = {{.from = From::sni}},
                            .on_missing = KeySettings::OnMissing::source_ip,
                            .silent_after = 5s}));
    BOOST_TEST((
        key("key: {from: sni, on_missing: {policy: random}}") ==
        KeySettings{.parts = {{.from = From::sni}}, .on_missing = KeySettings::OnMissing::random}));
    BOOST_TEST((key("key: {from: sni, on_missing: {policy: reject}}") ==
                KeySettings{.parts = {{.from = From::sni}}}));
    BOOST_TEST((key("key: {parts: [source_ip, {from: header, name: a}], max_bytes: 1KiB}") ==
                KeySettings{{{}, {.from = From::header, .name = "a"}}, 1024}));
}

BOOST_AUTO_TEST_CASE(proxy_protocol_arrives_on_both_sides) {
    const auto listener = [](std::string_view line) {
        return config_of(sample({{}, line, {}, {}})).listeners[0];
    };
    BOOST_TEST(!listener("").proxy_protocol);
    const auto accepts = listener("proxy_protocol: {accept: [v2], trusted: [10.0.0.0/8, \"::1\"]}");
    BOOST_TEST_REQUIRE(accepts.proxy_protocol.has_value());
    BOOST_TEST((accepts.proxy_protocol == ProxyProtocol{.v1 = false,
                                                        .v2 = true,
                                                        .trusted = {*Network::parse("10.0.0.0/8"),
                                                                    *Network::parse("::1/128")}}));
    const auto pool = [](std::string_view line) {
        return config_of(sample({{}, {}, line, {}})).pools[0];
    };
    using Version = SendProxy::Version;
    BOOST_TEST((pool("").send_proxy == SendProxy{}));
    BOOST_TEST((pool("proxy_protocol: {send: v1}").send_proxy == SendProxy{Version::v1}));
    BOOST_TEST((pool("proxy_protocol: {send: v2, authority: true, unique_id: true}").send_proxy ==
                SendProxy{Version::v2, true, true}));
}

BOOST_AUTO_TEST_CASE(sockets_arrive) {
    const auto connect =
        config_of(
            sample({{}, {}, "connect: {source_v4: 10.0.0.5, source_v6: \"2001:db8::5\"}", {}}))
            .pools[0]
            .connect;
    BOOST_TEST_REQUIRE(connect.source_v4.has_value());
    BOOST_TEST_REQUIRE(connect.source_v6.has_value());
    BOOST_TEST(connect.source_v4->to_string() == "10.0.0.5:0");
    BOOST_TEST(connect.source_v6->to_string() == "[2001:db8::5]:0");
    const auto defers =
        config_of(sample({{}, "key: first_line\n    defer_accept: 1s", {}, {}})).listeners[0];
    BOOST_TEST((defers.defer_accept == 1s));
    const auto local = config_of(
        "version: 1\n"
        "listeners:\n"
        "  - {name: a, bind: \"unix:/run/a.sock\", pool: p, key: first_line}\n"
        "pools: {p: {servers: [{id: s, address: \"unix:/run/s.sock\"}]}}\n");
    BOOST_TEST(local.listeners[0].bind.is_unix);
    BOOST_TEST(local.listeners[0].bind.path == "/run/a.sock");
    BOOST_TEST(local.pools[0].servers[0].address.to_string() == "unix:/run/s.sock");
}

BOOST_AUTO_TEST_CASE(listener_timeouts_arrive) {
    const auto config =
        config_of(sample({{},
                          "timeouts: {key: 1ms, idle: 2h, half_close: 3m, unacknowledged: 4s, "
                          "keepalive: 5s}",
                          {},
                          {}}));
    BOOST_TEST((config.listeners[0].timeouts == ListenerTimeouts{1ms, 2h, 3min, 4s, 5s}));
    BOOST_TEST(config.listeners[0].max_connections == 0U);
    const auto limited = config_of(sample({{}, "max_connections: 9", {}, {}}));
    BOOST_TEST(limited.listeners[0].max_connections == 9U);
}

BOOST_AUTO_TEST_CASE(pool_entries_arrive) {
    const auto pool = [](std::string_view line) {
        return config_of(sample({{}, {}, line, {}})).pools[0];
    };
    BOOST_TEST(
        (pool("hash: {algorithm: ring, function: xxh3, vnodes: 65536, seed: abc, mapping: 1}")
             .hash == HashSettings{.function = HashSettings::Function::xxh3,
                                   .vnodes = 65'536,
                                   .seed = "abc",
                                   .mapping = 1}));
    BOOST_TEST((pool("connect: {timeout: 2s, attempts: 16}").connect == ConnectSettings{2s, 16}));
    BOOST_TEST((pool("health: {interval: 5s, timeout: 5s, rise: 1, fall: 100}").health ==
                HealthSettings{5s, 5s, 1, 100}));
    BOOST_TEST(config_of(sample({{}, {}, {}, "weight: 0"})).pools[0].servers[0].weight == 0U);
    BOOST_TEST(
        config_of(sample({{}, {}, {}, "max_connections: 7"})).pools[0].servers[0].max_connections ==
        7U);
    const auto bounded = config_of(sample({{}, {}, "hash: {balance_factor: 1.25}", {}})).pools[0];
    BOOST_TEST(bounded.hash.balance_factor == 1.25);
    const auto maglev = config_of(sample({{}, {}, "hash: {algorithm: maglev}", {}})).pools[0];
    BOOST_TEST((maglev.hash.algorithm == HashSettings::Algorithm::maglev));
}

BOOST_AUTO_TEST_CASE(what_a_check_says_and_hears_arrives) {
    const auto health = [](std::string_view entries) {
        const std::string line = "health: {" + std::string(entries) + "}";
        return *config_of(sample({{}, {}, line, {}})).pools[0].health;
    };
    const auto redis = health(R"(fast_interval: 500ms, send: "PING\r\n", expect: +PONG)");
    BOOST_TEST((redis.fast_interval == 500ms));
    BOOST_TEST(redis.send == "PING\r\n");
    BOOST_TEST(redis.expect == "+PONG");
    BOOST_TEST(!redis.expect_anywhere);
    const auto raw = health(R"(send: '\x00\xfF\\\r\n\t\0\"', expect: {anywhere: 'a b'})");
    BOOST_TEST(raw.send == std::string("\0\xff\\\r\n\t\0\"", 8));
    BOOST_TEST(raw.expect == "a b");
    BOOST_TEST(raw.expect_anywhere);
    BOOST_TEST((*health("http: {}").http == HttpCheck{}));
    BOOST_TEST((*health("http: {method: HEAD, path: /up, host: a.example, status: 200-399}").http ==
                HttpCheck{"HEAD", "/up", "a.example", 200, 399}));
    BOOST_TEST(health("http: {status: 101}").http->greatest_status == 101);
    BOOST_TEST((health("initial: down").initial == HealthSettings::Initial::down));
    BOOST_TEST((health("initial: up").initial == HealthSettings::Initial::up));
    BOOST_TEST((*health("http: {status: 204}").http == HttpCheck{"GET", "/", "", 204, 204}));
}

BOOST_AUTO_TEST_CASE(what_follows_a_failure_arrives) {
    const auto pool = [](std::string_view line) {
        return config_of(sample({{}, {}, line, {}})).pools[0];
    };
    using Way = Leaving::Way;
    BOOST_TEST((pool("").on_down == Leaving{Way::keep, 30s}));
    BOOST_TEST((pool("on_down: reset").on_down == Leaving{Way::reset, 30s}));
    BOOST_TEST((pool("on_removed: drain").on_removed == Leaving{Way::drain, 30s}));
    BOOST_TEST((pool("on_removed: {drain: 5m}").on_removed == Leaving{Way::drain, 5min}));
    BOOST_TEST(!pool("").passive.has_value());
    BOOST_TEST((*pool("passive: {}").passive == PassiveSettings{}));
    BOOST_TEST(
        (*pool("passive: {failures: 5, within: 1s, early_resets: false, retry: 10m}").passive ==
         PassiveSettings{5, 1s, false, 10min, 10min}));
    BOOST_TEST(pool("panic: 0.5").panic == 0.5);
    BOOST_TEST((pool("hash: {seed_hex: \"7365656400fF\"}").hash.seed == "seed\0\xff"s));
    BOOST_TEST((pool("hash: {seed_hex: 00}").hash.seed == "\0"s));
    BOOST_TEST(pool("hash: {seed_hex: \"" + std::string(8192, 'a') + "\"}").hash.seed.size() ==
               4096u);
    // A text is its bytes: what YAML makes of it, without escapes of ours.
    BOOST_TEST(pool("hash: {seed: '\\xff'}").hash.seed == "\\xff");
    BOOST_TEST(pool("hash: {seed: \"\\xff\"}").hash.seed == "\u00ff");
    BOOST_TEST((pool("slow_start: 30s").slow_start == 30s));
    BOOST_TEST((pool("connect: {budget: 3s}").connect.budget == 3s));
    const auto checked = [](std::string_view line) {
        return *config_of(sample({{}, {}, "health: {}", line})).pools[0].servers[0].check_address;
    };
    BOOST_TEST(checked("health: {port: 8081}").to_string() == "10.0.0.1:8081");
    BOOST_TEST(checked("health: {address: \"10.0.0.2:81\"}").to_string() == "10.0.0.2:81");
}

BOOST_AUTO_TEST_CASE(an_empty_health_entry_turns_checks_on) {
    BOOST_TEST((config_of(sample({{}, {}, "health: {}", {}})).pools[0].health == HealthSettings{}));
}

// A SYN that is lost is sent again after 1 s (RFC 6298, section 2.1).
BOOST_AUTO_TEST_CASE(the_default_timeouts_outlast_the_loss_of_a_packet) {
    const auto pool = config_of(sample({{}, {}, "health: {}", {}})).pools[0];
    BOOST_TEST((pool.connect.timeout >= 1s + 500ms));
    BOOST_TEST((pool.health->timeout >= 1s + 500ms));
    BOOST_TEST((pool.health->timeout <= pool.health->interval));
}

BOOST_AUTO_TEST_CASE(the_default_check_timeout_fits_a_short_interval) {
    const auto config = config_of(sample({{}, {}, "health: {interval: 100ms}", {}}));
    BOOST_TEST((config.pools[0].health->timeout == 100ms));
}

BOOST_AUTO_TEST_CASE(a_pool_needs_no_servers) {
    for (const std::string pool : {"{}", "{servers: []}"}) {
        const auto text =
            "version: 1\nlisteners: [{name: a, bind: \"0.0.0.0:80\", pool: p}]\n"
            "pools: {p: " +
            pool + "}\n";
        BOOST_TEST(config_of(text).pools[0].servers.empty());
    }
}

BOOST_AUTO_TEST_CASE(order_and_positions_of_the_file_are_kept) {
    const auto config = config_of(
        "version: 1\n"
        "pools:\n"
        "  z: {}\n"
        "  a:\n"
        "    servers:\n"
        "      - {id: s2, address: \"10.0.0.2:80\"}\n"
        "      - {id: s1, address: \"10.0.0.1:80\"}\n"
        "listeners:\n"
        "  - {name: two, bind: \"0.0.0.0:2\", pool: a}\n"
        "  - {name: one, bind: \"0.0.0.0:1\", pool: a}\n");
    BOOST_TEST(config.pools[0].name == "z");
    BOOST_TEST(config.pools[1].name == "a");
    BOOST_TEST(config.pools[1].servers[0].id == "s2");
    BOOST_TEST(config.listeners[1].name == "one");
    BOOST_TEST(config.pools[1].position.line == 4);
    BOOST_TEST(config.pools[1].position.column == 3);
    BOOST_TEST(config.pools[1].servers[1].position.line == 7);
    BOOST_TEST(config.pools[1].servers[1].position.column == 9);
    BOOST_TEST(config.listeners[0].position.line == 9);
    BOOST_TEST(config.listeners[0].position.column == 5);
}

BOOST_AUTO_TEST_CASE(json_is_yaml_too) {
    BOOST_TEST(errors_of(R"({"version": 1, "workers": 2,
        "listeners": [{"name": "a", "bind": "0.0.0.0:80", "pool": "p"}],
        "pools": {"p": {"servers": [{"id": "s", "address": "10.0.0.1:80", "weight": 2}]}}})") ==
               "");
}

BOOST_AUTO_TEST_SUITE_END()
