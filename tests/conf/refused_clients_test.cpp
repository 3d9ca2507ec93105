// Entries about clients that are refused: keys, PROXY headers, sockets.
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/conf/refused.h"

using namespace ringway::conf::tests;

BOOST_AUTO_TEST_SUITE(refused_clients)

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
        listener("key: {parts: [source_ip, first_line, alpn]}",
                 "7:18: listeners[0].key.parts: a client sends text or TLS, not both"),
        listener("key: {parts: [mqtt_client_id, postgres_user]}",
                 "7:18: listeners[0].key.parts: a client sends MQTT or PostgreSQL, not both"),
        listener("key: {parts: [postgres_database, sni]}",
                 "7:18: listeners[0].key.parts: a client sends PostgreSQL or TLS, not both"),
        listener("key: {parts: [rdp_cookie, mqtt_username, target]}",
                 "7:18: listeners[0].key.parts: a client sends RDP or MQTT, not both"),
        listener("key: {parts: [target, {from: bytes, length: 4}, rdp_cookie]}",
                 "7:18: listeners[0].key.parts: a client sends text or RDP, not both"),
        listener(
            "key: {from: mqtt_client_id, name: a}",
            "7:39: listeners[0].key.name: has a meaning only for from: header and from: cookie"),
    });
}

BOOST_AUTO_TEST_CASE(proxy_headers_need_trusted_networks) {
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

BOOST_AUTO_TEST_CASE(silence_ends_before_the_key_timeout) {
    check({
        listener("key: {from: sni, on_missing: {policy: source_ip, after: 5001ms}}",
                 "7:61: listeners[0].key.on_missing.after: expected no more than timeouts.key, 5s "
                 "by default"),
        listener("key: {from: sni, on_missing: {policy: random, after: 2s}}\n"
                 "    timeouts: {key: 1s}",
                 "7:58: listeners[0].key.on_missing.after: expected no more than timeouts.key, at "
                 "8:21"),
        listener("key: {from: sni, on_missing: {policy: reject, after: 1s}}",
                 "7:58: listeners[0].key.on_missing.after: has a meaning only for policy: "
                 "source_ip and random; timeouts.key bounds what is waited for all others"),
        listener("key: {from: sni, on_missing: {after: 1s}}",
                 "7:34: listeners[0].key.on_missing: the entry \"policy\" is missing"),
        listener("key: {from: source_ip, on_missing: {policy: random, after: 1s}}",
                 "7:40: listeners[0].key.on_missing: after has a meaning only where bytes of the "
                 "client are read"),
        listener("key: {from: sni, on_missing: never}",
                 "7:34: listeners[0].key.on_missing: expected one of reject, source_ip, random, "
                 "found \"never\""),
    });
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
    BOOST_TEST(
        with(", proxy_protocol: {accept: [v1], trusted: [10.0.0.1]}") ==
        "3:85: listeners[0].proxy_protocol.trusted: has a meaning only for TCP: the mode of the "
        "socket's file decides who may connect\n");
    BOOST_TEST(with(", proxy_protocol: {accept: [v1]}") == "");
    BOOST_TEST(with(", key: sni") == "");
}

BOOST_AUTO_TEST_CASE(a_unix_server_has_no_port_to_be_checked_at) {
    BOOST_TEST(errors_of("version: 1\nlisteners: [{name: a, bind: \"0.0.0.0:80\", pool: p}]\n"
                         "pools:\n  p:\n    health: {}\n    servers:\n"
                         "      - {id: s, address: \"unix:/run/s\", health: {port: 80}}\n") ==
               "7:56: pools.p.servers[0].health.port: a unix socket has none: give an address\n");
}

BOOST_AUTO_TEST_SUITE_END()
