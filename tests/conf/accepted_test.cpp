// What a good file means: every value arrives, every default is as documented.
#include <chrono>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/conf/sample.h"

using namespace ringway::conf;
using namespace ringway::conf::tests;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(accepted)

BOOST_AUTO_TEST_CASE(a_small_file_gets_the_defaults) {
    const auto config = config_of(sample());
    BOOST_TEST(config.workers == 0U);
    BOOST_TEST((config.drain_timeout == 30s));
    BOOST_TEST((config.admin == AdminSettings{}));
    BOOST_TEST((config.log == LogSettings{}));
    BOOST_TEST_REQUIRE(config.listeners.size() == 1U);
    const auto& listener = config.listeners[0];
    BOOST_TEST(listener.name == "web");
    BOOST_TEST(listener.bind.to_string() == "0.0.0.0:80");
    BOOST_TEST(listener.pool == "main");
    BOOST_TEST((listener.key == KeySettings{}));
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
    BOOST_TEST((config_of(sample({"drain_timeout: 24h", {}, {}, {}})).drain_timeout == 24h));
    BOOST_TEST(config_of(sample({"admin: {socket: /run/a}", {}, {}, {}})).admin.socket == "/run/a");
    const auto log = config_of(sample({"log: {level: warn, access: false}", {}, {}, {}})).log;
    BOOST_TEST((log == LogSettings{LogSettings::Level::warn, false}));
}

BOOST_AUTO_TEST_CASE(keys_arrive_in_both_forms) {
    using From = KeySettings::From;
    const auto key = [](std::string_view line) {
        return config_of(sample({{}, line, {}, {}})).listeners[0].key;
    };
    BOOST_TEST((key("key: source_ip") == KeySettings{}));
    BOOST_TEST((key("key: {from: source_ip, prefix_v4: 1, prefix_v6: 128}") ==
                KeySettings{From::source_ip, 1, 128, "", 16 << 10}));
    BOOST_TEST((key("key: first_line") == KeySettings{From::first_line, 32, 128, "", 16 << 10}));
    BOOST_TEST((key("key: {from: first_line, max_bytes: 16B, on_missing: reject}") ==
                KeySettings{From::first_line, 32, 128, "", 16}));
    BOOST_TEST((key("key: {name: X-User, from: header, max_bytes: 64KiB}") ==
                KeySettings{From::header, 32, 128, "X-User", 64 << 10}));
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
