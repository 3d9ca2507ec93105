// Entries that are refused.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/conf/refused.h"

using namespace ringway::conf::tests;

BOOST_AUTO_TEST_SUITE(refused)

BOOST_AUTO_TEST_CASE(unknown_entries_name_the_nearest_known_one) {
    check({
        top("wrokers: 1", R"(2:1: wrokers: unknown entry, did you mean "workers"?)"),
        listener("timeout: {}",
                 R"(7:5: listeners[0].timeout: unknown entry, did you mean "timeouts"?)"),
        pool("helth: {}", R"(10:5: pools.main.helth: unknown entry, did you mean "health"?)"),
        pool("health: {intervall: 2s}",
             R"(10:14: pools.main.health.intervall: unknown entry, did you mean "interval"?)"),
        server("wieght: 1",
               R"(14:9: pools.main.servers[0].wieght: unknown entry, did you mean "weight"?)"),
    });
}

BOOST_AUTO_TEST_CASE(unknown_entries_far_from_any_are_told_what_is_known) {
    check({
        top("foo: 1",
            "2:1: foo: unknown entry, known here: version, workers, engine, drain_delay, "
            "drain_timeout, pools, listeners, admin, log, dns, fleet"),
        server(
            "colour: red",
            "14:9: pools.main.servers[0].colour: unknown entry, known here: id, address, weight, "
            "max_connections, health"),
        top("admin: {\"a b\": 1}",
            R"(2:9: admin["a b"]: unknown entry, known here: socket, http, state, ready)"),
    });
}

BOOST_AUTO_TEST_CASE(duplicates_show_both_places) {
    check({
        top("workers: 1\nworkers: 2", "3:1: workers: given twice, at 2:1 and 3:1"),
        top("version: 1", "2:1: version: given twice, at 1:1 and 2:1"),
        pool("hash: {vnodes: 1, vnodes: 1}",
             "10:23: pools.main.hash.vnodes: given twice, at 10:12 and 10:23"),
        top("admin: {\"socket\": /a, socket: /b}",
            "2:23: admin.socket: given twice, at 2:9 and 2:23"),
    });
}

BOOST_AUTO_TEST_CASE(integers_have_one_spelling_and_bounds) {
    const std::string vnodes =
        "10:20: pools.main.hash.vnodes: expected an integer from 1 to 65536, found ";
    for (const std::string_view value :
         {"1e3", "0x10", "010", "+5", "-0", "1_000", "5.0", "NaN", ".inf", "1e309", "0", "-1",
          "65537", "1000000000", "99999999999999999999999", "true", "1 2"}) {
        const auto line = "hash: {vnodes: " + std::string(value) + "}";
        check({pool(line, vnodes + '"' + std::string(value) + '"')});
    }
}

BOOST_AUTO_TEST_CASE(integers_are_not_texts_lists_maps_or_nothing) {
    check({
        pool("hash: {vnodes: \"512\"}",
             "10:20: pools.main.hash.vnodes: expected an integer from 1 to 65536 without quotes, "
             "found \"512\""),
        pool("hash: {vnodes: [512]}",
             "10:20: pools.main.hash.vnodes: expected an integer from 1 to 65536, found a list"),
        pool("hash: {vnodes: {}}",
             "10:20: pools.main.hash.vnodes: expected an integer from 1 to 65536, found a map"),
        pool("hash: {vnodes: ~}",
             "10:12: pools.main.hash.vnodes: expected an integer from 1 to 65536, found nothing"),
    });
}

BOOST_AUTO_TEST_CASE(each_integer_has_its_own_bounds) {
    check({
        top("workers: 0", "2:10: workers: expected auto or an integer from 1 to 256, found \"0\""),
        top("workers: 257",
            "2:10: workers: expected auto or an integer from 1 to 256, found \"257\""),
        top("workers: \"auto\"",
            "2:10: workers: expected auto or an integer from 1 to 256 without quotes, found "
            "\"auto\""),
        pool("hash: {mapping: 2}", "10:21: pools.main.hash.mapping: expected 1, found \"2\""),
        pool("connect: {attempts: 0}",
             "10:25: pools.main.connect.attempts: expected an integer from 1 to 16, found \"0\""),
        pool("connect: {attempts: 17}",
             "10:25: pools.main.connect.attempts: expected an integer from 1 to 16, found \"17\""),
        pool("health: {rise: 0}",
             "10:20: pools.main.health.rise: expected an integer from 1 to 100, found \"0\""),
        pool("health: {fall: 101}",
             "10:20: pools.main.health.fall: expected an integer from 1 to 100, found \"101\""),
        server("weight: 1001",
               "14:17: pools.main.servers[0].weight: expected an integer from 0 to 1000, found "
               "\"1001\""),
        server("weight: -1",
               "14:17: pools.main.servers[0].weight: expected an integer from 0 to 1000, found "
               "\"-1\""),
        listener(
            "key: {from: source_ip, prefix_v4: 33}",
            "7:39: listeners[0].key.prefix_v4: expected an integer from 1 to 32, found \"33\""),
        listener(
            "key: {from: source_ip, prefix_v6: 0}",
            "7:39: listeners[0].key.prefix_v6: expected an integer from 1 to 128, found \"0\""),
    });
}

BOOST_AUTO_TEST_CASE(durations_need_a_unit_and_stay_within_a_day) {
    for (const std::string_view value :
         {"5", "0s", "1.5s", "-1s", "5 s", "5S", "s", "5sec", "2d", "25h", "86400001ms", "05s",
          "1e3ms", "99999999999999999999h", "1000000000001h", "[5s]"}) {
        const auto shown = value == "[5s]" ? "a list" : '"' + std::string(value) + '"';
        const auto line = "drain_timeout: " + std::string(value);
        check({top(line,
                   "2:16: drain_timeout: expected a duration from 1ms to 24h, as 500ms, 2s, "
                   "10m or 1h, found " +
                       shown)});
    }
}

BOOST_AUTO_TEST_CASE(sizes_need_a_unit_and_stay_within_bounds) {
    for (const std::string_view value : {"16", "15B", "65KiB", "1MiB", "1KB", "1k", "-1KiB", "0B",
                                         "99999999999999999999MiB", "1024 B"}) {
        const auto line = "key: {from: first_line, max_bytes: " + std::string(value) + "}";
        check({listener(line,
                        "7:40: listeners[0].key.max_bytes: expected a size from 16B to "
                        "64KiB, as 100B, 64KiB or 1MiB, found \"" +
                            std::string(value) + '"')});
    }
}

BOOST_AUTO_TEST_CASE(booleans_are_true_and_false_alone) {
    for (const std::string_view value : {"yes", "on", "True", "TRUE", "1", "no"}) {
        const auto line = "log: {access: " + std::string(value) + "}";
        check({top(line, "2:15: log.access: expected true or false, found \"" + std::string(value) +
                             '"')});
    }
    check({top("log: {access: \"true\"}",
               "2:15: log.access: expected true or false without quotes, found \"true\"")});
}

BOOST_AUTO_TEST_CASE(a_seed_in_hexadecimal_is_whole_bytes) {
    const std::string hex =
        "pools.main.hash.seed_hex: expected 1 to 4096 bytes of two hexadecimal digits each";
    for (const std::string seed : {"", "0", "0g", "0x00", "00 ff", "\\x00", "+1", "-1"}) {
        check({pool("hash: {seed_hex: \"" + seed + "\"}", "10:22: " + hex)});
    }
    check({
        pool("hash: {seed_hex: \"" + std::string(8194, 'a') + "\"}", "10:22: " + hex),
        pool("hash: {seed: a, seed_hex: \"00\"}",
             "10:31: pools.main.hash.seed_hex: contradicts seed, at 10:18"),
    });
}

BOOST_AUTO_TEST_CASE(nothing_is_no_text) {
    const std::string error = "pools.main.hash.seed: expected text, found nothing";
    check({
        pool("hash: {seed: ~}", "10:12: " + error),
        pool("hash: {seed: }", "10:12: " + error),
        pool("hash: {seed: null}", "10:12: " + error),
        pool("hash: {seed: \"\"}", "10:18: pools.main.hash.seed: expected 1 to 255 bytes, found 0"),
    });
}

BOOST_AUTO_TEST_CASE(a_secret_is_never_repeated) {
    const auto text = sample({{}, {}, "hash: {seed: \"hush\\x01hush\"}", {}});
    BOOST_TEST(errors_of(text) ==
               "10:18: pools.main.hash.seed: expected text without control characters\n");
}

BOOST_AUTO_TEST_CASE(maps_and_lists_are_not_interchangeable) {
    check({
        top("admin: [a]", "2:8: admin: expected a map, found a list"),
        top("admin: x", "2:8: admin: expected a map, found \"x\""),
        top("log:", "2:1: log: expected a map, found nothing"),
        pool("health:", "10:5: pools.main.health: expected a map, found nothing"),
        listener(
            "key: [source_ip]",
            "7:10: listeners[0].key: expected one of source_ip, source, destination, "
            "first_line, field, header, target, cookie, "
            "bytes, regex, sni, alpn, proxy_tlv, proxy_authority, client_cert, mqtt_client_id, "
            "mqtt_username, postgres_user, postgres_database, rdp_cookie, found a list"),
        top("admin: {[a]: b}", "2:9: admin: expected the name of an entry, found a list"),
        top("admin: {~: b}", "2:9: admin: expected the name of an entry, found nothing"),
    });
}

BOOST_AUTO_TEST_CASE(keywords_name_the_nearest) {
    check({
        pool("hash: {function: sha265}",
             "10:22: pools.main.hash.function: expected one of sha256, xxh3, found \"sha265\", did "
             "you mean \"sha256\"?"),
        top("log: {level: verbose}",
            "2:14: log.level: expected one of debug, info, warn, error, found \"verbose\""),
        top("log: {format: xml}", "2:15: log.format: expected one of text, json, found \"xml\""),
    });
}

BOOST_AUTO_TEST_CASE(a_log_goes_to_a_stream_or_a_file_by_its_whole_path) {
    const std::vector<std::pair<std::string, std::string>> refused{
        {"syslogd", "\"syslogd\""},
        {"\"syslog:\"", "\"syslog:\""},
        {"syslog:log.sock", "\"syslog:log.sock\""},
        {"ringway.log", "\"ringway.log\""},
        {"/var/log/", "\"/var/log/\""},
        {"\"\"", "\"\""},
        {"[]", "a list"},
    };
    for (const auto& [target, found] : refused) {
        const auto line = "log: {target: " + target + "}";
        check({top(line,
                   "2:15: log.target: expected stderr, stdout, syslog, syslog:/path of its "
                   "socket or the absolute path of a file, "
                   "found " +
                       found)});
    }
    const auto longer = "log: {target: /" + std::string(4'095, 'a') + "}";
    const auto no_socket = "log: {target: \"syslog:/" + std::string(107, 'a') + "\"}";
    check({
        top(R"(log: {target: "/a\nb"})",
            "2:15: log.target: expected text without control characters"),
        top(longer, "2:15: log.target: expected 1 to 4095 bytes, found 4096"),
        top(no_socket, "2:15: log.target: expected 1 to 114 bytes, found 115"),
    });
}

BOOST_AUTO_TEST_CASE(maglev_has_no_vnodes) {
    check({pool("hash: {algorithm: maglev, vnodes: 64}",
                "10:39: pools.main.hash.vnodes: has a meaning only for algorithm: ring")});
}

BOOST_AUTO_TEST_CASE(a_balance_factor_is_a_decimal_number_from_1) {
    for (const std::string bad : {"0.99", "1000.1", "-1", "+1", "1.", ".5", "1e309", "nan",
                                  "1.0000001", "0x1", "\"1.25\""}) {
        const auto line = "hash: {balance_factor: " + bad + '}';
        const auto errors = errors_of(sample({{}, {}, line, {}}));
        BOOST_TEST(errors.starts_with("10:28: pools.main.hash.balance_factor: expected a number "
                                      "from 1 to 1000, as 1.25, with at most six decimals, found"),
                   errors);
    }
}

BOOST_AUTO_TEST_CASE(a_check_may_not_outlast_its_interval) {
    check({pool("health: {interval: 500ms, timeout: 501ms}",
                "10:40: pools.main.health.timeout: expected no more than the interval, at 10:24")});
}

BOOST_AUTO_TEST_CASE(addresses_have_ports_and_only_servers_have_names) {
    const std::string what =
        "expected an IP address and a port, as 192.0.2.1:80 or, in quotes, \"[2001:db8::1]:80\", ";
    const std::string names = "the name of a host and a port, as db-0.example:80, ";
    const std::string found = "or unix:/path, found ";
    const std::string text =
        "version: 1\nlisteners:\n  - {name: a, pool: p, bind: \"localhost:80\"}\npools:\n"
        "  p: {servers: [{id: a, address: 10.0.0.1}]}\n";
    BOOST_TEST(errors_of(text) ==
               "3:30: listeners[0].bind: " + what + found + "\"localhost:80\"\n" +
                   "5:34: pools.p.servers[0].address: " + what + names + found + "\"10.0.0.1\"\n");
}

BOOST_AUTO_TEST_CASE(readiness_depends_on_pools_that_there_are) {
    check({
        top("admin: {ready: [mian]}",
            R"(2:17: admin.ready[0]: there is no pool "mian", did you mean "main"?)"),
        top("admin: {ready: [main, main]}",
            "2:23: admin.ready[1]: the pool given twice, at 2:17 and 2:23"),
        top("admin: {ready: main}", R"(2:16: admin.ready: expected a list, found "main")"),
        top("engine: kqueue",
            "2:9: engine: expected one of auto, epoll, io_uring, found \"kqueue\""),
        top("drain_delay: 0s",
            "2:14: drain_delay: expected a duration from 1ms to 24h, as 500ms, 2s, 10m or 1h, "
            "found \"0s\""),
    });
}

BOOST_AUTO_TEST_CASE(an_admin_socket_path_fits_a_socket_address) {
    const auto longest = "admin: {socket: /" + std::string(106, 'x') + '}';
    BOOST_TEST(errors_of(sample({longest, {}, {}, {}})) == "");
    const auto longer = "admin: {socket: /" + std::string(107, 'x') + '}';
    check({top(longer, "2:17: admin.socket: expected 1 to 107 bytes, found 108")});
}

// To be shortened as these come to be.
BOOST_AUTO_TEST_CASE(what_a_check_says_and_hears_is_checked) {
    const std::string bytes =
        R"(expected bytes, with no escapes but \r \n \t \0 \\ \" and \xNN, found )";
    check({
        pool("health: {send: x}", "10:20: pools.main.health.send: has a meaning only with expect"),
        pool(R"(health: {expect: '\q'})", "10:22: pools.main.health.expect: " + bytes + R"("\\q")"),
        pool(R"(health: {expect: '\x4'})",
             "10:22: pools.main.health.expect: " + bytes + R"("\\x4")"),
        pool(R"(health: {expect: '\'})", "10:22: pools.main.health.expect: " + bytes + R"("\\")"),
        pool(R"(health: {expect: ""})",
             "10:22: pools.main.health.expect: expected 1 to 255 bytes, found 0"),
        pool("health: {expect: {}}",
             R"(10:22: pools.main.health.expect: the entry "anywhere" is missing)"),
        pool("health: {expect: a, http: {}}",
             "10:31: pools.main.health.http: contradicts expect, at 10:22"),
        pool("health: {fast_interval: 3s}",
             "10:29: pools.main.health.fast_interval: expected no more than the interval, at "
             "10:13"),
        pool("health: {http: {path: x}}",
             "10:27: pools.main.health.http.path: expected a path that begins with /"),
        pool("health: {http: {path: /a b}}",
             "10:27: pools.main.health.http.path: expected no blanks"),
        pool("health: {http: {status: 99}}",
             "10:29: pools.main.health.http.status: expected a status from 100 to 599, or a range "
             "of them as 200-399, found \"99\""),
        pool("health: {http: {status: 300-200}}",
             "10:29: pools.main.health.http.status: expected a status from 100 to 599, or a range "
             "of them as 200-399, found \"300-200\""),
        pool("health: {http: {status: 100}}",
             "10:29: pools.main.health.http.status: no answer has such a status: 100 and 102 to "
             "199 come before it"),
        pool("health: {initial: offline}",
             "10:23: pools.main.health.initial: expected one of up, down, found \"offline\""),
    });
}

BOOST_AUTO_TEST_CASE(what_follows_a_failure_is_checked) {
    check({
        pool("on_down: cut",
             "10:14: pools.main.on_down: expected one of keep, reset, drain, found "
             "\"cut\""),
        pool("on_removed: {}", R"(10:17: pools.main.on_removed: the entry "drain" is missing)"),
        pool("passive: {failures: 0}",
             "10:25: pools.main.passive.failures: expected an integer from 1 to 1000, found "
             "\"0\""),
        pool("passive: {retry: 2s, retry_max: 1s}",
             "10:37: pools.main.passive.retry_max: expected no less than retry, at 10:22"),
        pool("panic: 1.5",
             "10:12: pools.main.panic: expected a number from 0 to 1, as 1.25, with at most six "
             "decimals, found \"1.5\""),
        pool("hash: {algorithm: maglev}\n    slow_start: 1s",
             "11:17: pools.main.slow_start: has a meaning only for algorithm: ring"),
        server("health: {port: 81}",
               "14:17: pools.main.servers[0].health: has a meaning only where the pool has "
               "health"),
    });
}

BOOST_AUTO_TEST_CASE(the_http_endpoint_has_an_address_and_a_port) {
    const std::string expected =
        R"(2:15: admin.http: expected an IP address and a port, as 127.0.0.1:9090 or, in quotes, )"
        R"("[::1]:9090", found )";
    check({
        top("admin: {http: 9090}", expected + "\"9090\""),
        top("admin: {http: \"0.0.0.0\"}", expected + "\"0.0.0.0\""),
        top("admin: {http: \":9090\"}", expected + "\":9090\""),
        top("admin: {http: \"localhost:9090\"}", expected + "\"localhost:9090\""),
        top("admin: {http: \"unix:/run/x\"}", expected + "\"unix:/run/x\""),
        top("admin: {http: [a]}", expected + "a list"),
    });
}

BOOST_AUTO_TEST_SUITE_END()
