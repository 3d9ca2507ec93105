// Entries that are refused, and the very words of the refusal: they are what a
// user has to go by.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/conf/sample.h"

using namespace ringway::conf::tests;

namespace {

struct Case {
    Extra extra;
    std::string error;
};

void check(const std::vector<Case>& cases) {
    for (const auto& [extra, error] : cases) {
        const auto text = sample(extra);
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(errors_of(text) == error + '\n');
        }
    }
}

Case top(std::string_view line, std::string error) {
    return {{line, {}, {}, {}}, std::move(error)};
}
Case listener(std::string_view line, std::string error) {
    return {{{}, line, {}, {}}, std::move(error)};
}
Case pool(std::string_view line, std::string error) {
    return {{{}, {}, line, {}}, std::move(error)};
}
Case server(std::string_view line, std::string error) {
    return {{{}, {}, {}, line}, std::move(error)};
}

}  // namespace

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
            "2:1: foo: unknown entry, known here: version, workers, drain_timeout, pools, "
            "listeners, admin, log"),
        server(
            "colour: red",
            "14:9: pools.main.servers[0].colour: unknown entry, known here: id, address, weight, "
            "max_connections, health"),
        top("admin: {\"a b\": 1}", R"(2:9: admin["a b"]: unknown entry, known here: socket)"),
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
        listener("key: [source_ip]",
                 "7:10: listeners[0].key: expected one of source_ip, source, destination, "
                 "first_line, field, header, target, cookie, "
                 "bytes, regex, sni, alpn, proxy_tlv, proxy_authority, found a list"),
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
    });
}

BOOST_AUTO_TEST_CASE(key_entries_must_fit_the_kind_of_key) {
    check({
        listener("key: header",
                 "7:10: listeners[0].key: a key from header needs a name: {from: header, name: "
                 "...}"),
        listener("key: regex",
                 "7:10: listeners[0].key: a key from regex needs a pattern: {from: regex, pattern: "
                 "...}"),
        listener("key: {from: header}", "7:10: listeners[0].key: the entry \"name\" is missing"),
        listener("key: {from: field}", "7:10: listeners[0].key: the entry \"number\" is missing"),
        listener("key: {from: bytes}", "7:10: listeners[0].key: the entry \"length\" is missing"),
        listener("key: {}", "7:10: listeners[0].key: expected from, or parts for a composite"),
        listener(
            "key: {from: header, name: a b}",
            "7:31: listeners[0].key.name: expected 1 to 64 of the characters A-Z a-z 0-9 _ . -, "
            "found \"a b\""),
        listener("key: {from: first_line, name: x}",
                 "7:35: listeners[0].key.name: has a meaning only for from: header and from: "
                 "cookie"),
        listener("key: {from: source_ip, max_bytes: 1KiB}",
                 "7:39: listeners[0].key.max_bytes: has a meaning only where bytes of the client "
                 "are read"),
        listener("key: {from: header, name: x, prefix_v4: 8}",
                 "7:45: listeners[0].key.prefix_v4: has a meaning only for from: source_ip"),
        listener("key: {from: first_line, prefix_v6: 8}",
                 "7:40: listeners[0].key.prefix_v6: has a meaning only for from: source_ip"),
    });
}

BOOST_AUTO_TEST_CASE(what_can_never_be_a_key_is_refused) {
    check({
        listener("key: {from: regex, pattern: \"a(\"}",
                 "7:33: listeners[0].key.pattern: no regular expression of RE2: \"missing ): a(\""),
        listener("key: {from: regex, pattern: \"a\"}",
                 "7:10: listeners[0].key.group: the pattern has 0 groups, found 1"),
        listener("key: {from: bytes, offset: 10, length: 7, max_bytes: 16B}",
                 "7:10: listeners[0].key: a key of 17 bytes can never be read within 16 "
                 "(max_bytes)"),
        listener("key: proxy_authority",
                 "7:10: listeners[0].key: is in PROXY headers of version 2, which this listener "
                 "does not accept (proxy_protocol)"),
    });
}

BOOST_AUTO_TEST_CASE(composites_have_their_own_rules) {
    check({
        listener("key: {parts: [source_ip]}",
                 "7:18: listeners[0].key.parts: expected 2 to 8 parts, found 1"),
        listener("key: {parts: [source_ip, header]}",
                 "7:30: listeners[0].key.parts[1]: a key from header needs a name: {from: header, "
                 "name: ...}"),
        listener("key: {parts: [source_ip, {prefix_v4: 8}]}",
                 "7:30: listeners[0].key.parts[1]: the entry \"from\" is missing"),
        listener("key: {from: source, parts: [source_ip, source]}",
                 "7:17: listeners[0].key.from: belongs into one of the parts"),
        listener("key: {parts: [sni, first_line]}",
                 "7:18: listeners[0].key.parts: a client sends TLS or text, not both"),
    });
}

BOOST_AUTO_TEST_CASE(proxy_headers_are_demanded_of_somebody) {
    const std::string path = " listeners[0].proxy_protocol";
    check({
        listener("proxy_protocol: {}", "7:21:" + path +
                                           ": the entry \"accept\" is missing\n7:21:" + path +
                                           ": expected the networks that may connect: trusted"),
        listener("proxy_protocol: {accept: [], trusted: []}",
                 "7:30:" + path + ".accept: expected v1, v2 or both\n7:43:" + path +
                     ".trusted: expected at least one network"),
        listener("proxy_protocol: {accept: [v3], trusted: [10.0.0.1/8]}",
                 "7:31:" + path + ".accept[0]: expected one of v1, v2, found \"v3\"\n7:46:" + path +
                     ".trusted[0]: expected a network without bits beyond its prefix, as "
                     "192.0.2.0/24, 2001:db8::/32 or 192.0.2.1, found \"10.0.0.1/8\""),
        pool("proxy_protocol: {authority: true}",
             "10:21: pools.main.proxy_protocol: the entry \"send\" is missing"),
        pool("proxy_protocol: {send: v1, unique_id: true}",
             "10:43: pools.main.proxy_protocol.unique_id: has a meaning only for send: v2"),
    });
}

BOOST_AUTO_TEST_CASE(addresses_to_dial_from_have_their_family) {
    check({
        pool("connect: {source_v4: \"::1\"}",
             "10:26: pools.main.connect.source_v4: expected an IPv4 address"),
        pool("connect: {source_v6: 10.0.0.1}",
             "10:26: pools.main.connect.source_v6: expected an IPv6 address"),
        pool("connect: {source_v4: 10.0.0.1/32}",
             "10:26: pools.main.connect.source_v4: expected an IP address, as 192.0.2.1 or "
             "2001:db8::1, found \"10.0.0.1/32\""),
    });
}

BOOST_AUTO_TEST_CASE(accepting_is_deferred_only_where_clients_speak_first) {
    check({listener("defer_accept: 1s",
                    "7:19: listeners[0].defer_accept: has a meaning only where bytes of the client "
                    "are read")});
}

BOOST_AUTO_TEST_CASE(clients_of_unix_sockets_have_no_address) {
    const auto with = [](const std::string& entries) {
        return errors_of("version: 1\nlisteners:\n  - {name: a, bind: \"unix:/run/a\", pool: p" +
                         entries + "}\npools: {p: {}}\n");
    };
    const std::string refusal = "the clients of a unix socket have no address";
    BOOST_TEST(with("") == "3:5: listeners[0].key: " + refusal + ": choose another\n");
    BOOST_TEST(with(", key: source") ==
               "3:50: listeners[0].key: " + refusal + ": choose another\n");
    BOOST_TEST(with(", key: {from: sni, on_missing: source_ip}") ==
               "3:50: listeners[0].key: on_missing: " + refusal + "\n");
    BOOST_TEST(with(", key: sni, defer_accept: 1s") ==
               "3:69: listeners[0].defer_accept: has a meaning only for TCP\n");
    BOOST_TEST(with(", proxy_protocol: {accept: [v1], trusted: [10.0.0.1]}") ==
               "3:85: listeners[0].proxy_protocol.trusted: a unix socket's file says who may "
               "connect\n");
    BOOST_TEST(with(", proxy_protocol: {accept: [v1]}") == "");
    BOOST_TEST(with(", key: sni") == "");
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

BOOST_AUTO_TEST_CASE(addresses_are_ip_addresses_with_ports) {
    const std::string what =
        "expected an IP address and a port, as 192.0.2.1:80 or, in quotes, \"[2001:db8::1]:80\", "
        "or unix:/path, found ";
    const std::string text =
        "version: 1\nlisteners:\n  - {name: a, pool: p, bind: \"localhost:80\"}\npools:\n"
        "  p: {servers: [{id: a, address: 10.0.0.1}]}\n";
    BOOST_TEST(errors_of(text) == "3:30: listeners[0].bind: " + what + "\"localhost:80\"\n" +
                                      "5:34: pools.p.servers[0].address: " + what +
                                      "\"10.0.0.1\"\n");
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

BOOST_AUTO_TEST_CASE(entries_of_later_versions_are_known_by_name) {
    const std::string keyword = " is not supported yet; expected ";
    check({
        top("admin: {http: \"127.0.0.1:9090\"}", "2:9: admin.http: not supported yet"),
        top("log: {target: syslog}", "2:15: log.target: \"syslog\"" + keyword + "stderr"),
        top("log: {format: json}", "2:15: log.format: \"json\"" + keyword + "text"),
    });
}

BOOST_AUTO_TEST_SUITE_END()
