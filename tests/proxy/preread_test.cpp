// What a client has to bring before it is placed: the PROXY header, then the key.
#include "proxy/data/preread.h"

#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

#include "proxy/keys/proxy_header.h"
#include "tests/support/sockets.h"

using namespace ringway;
using namespace std::string_literals;
using conf::KeyPart;
using conf::KeySettings;
using proxy::CloseReason;
using proxy::PlacedBy;
using proxy::Preread;
using From = KeyPart::From;
using OnMissing = KeySettings::OnMissing;
using Version = conf::SendProxy::Version;

namespace {

const std::string v1 = "PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n";

struct Outcome {
    CloseReason refusal;
    std::string key;
    std::string left;  // for the server
    bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
    return out << to_string(outcome.refusal) << ", key \"" << outcome.key << "\", left \""
               << outcome.left << '"';
}

// An preread with what it was made from.
struct Desk {
    explicit Desk(KeySettings key, std::optional<conf::ProxyProtocol> demanded = {},
                  std::string_view peer = "192.0.2.7:1", bool behind_tls = false)
        : routes({{.pool = "main", .key = std::move(key)}}),
          proxy(std::move(demanded)),
          preread(routes, proxy ? &*proxy : nullptr, {.source = test::endpoint(peer)}, behind_tls) {
    }

    // Gives it `bytes` in segments of `size`, as a socket would.
    Outcome bring(std::string_view bytes, std::size_t size = 1 << 20) {
        while (!bytes.empty() && preread.wants_bytes()) {
            const auto room = preread.limit_bytes() - head.size();
            const auto segment = bytes.substr(0, std::min(size, room));
            head += segment;
            bytes.remove_prefix(segment.size());
            preread.read(head);
        }
        return {preread.refusal(), preread.key(), head + std::string(bytes)};
    }

    const proxy::RouteTable routes;
    const std::optional<conf::ProxyProtocol> proxy;
    Preread preread;
    std::string head;
};

conf::ProxyProtocol demanded() {
    return {.v1 = true, .v2 = true, .trusted = {*conf::Network::parse("192.0.2.0/24")}};
}

KeySettings first_line(std::size_t max_bytes = 1024) {
    return {.parts = {{.from = From::first_line}}, .max_bytes = max_bytes};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(preread)

BOOST_AUTO_TEST_CASE(an_address_is_enough_where_no_bytes_are_asked_for) {
    const Desk desk(KeySettings{});
    BOOST_TEST(!desk.preread.wants_bytes());
    BOOST_TEST(desk.preread.key() == "192.0.2.7");
    BOOST_TEST((desk.preread.placed_by() == PlacedBy::key));
}

BOOST_AUTO_TEST_CASE(a_header_changes_the_address_and_is_taken_off) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
        Desk by_address(KeySettings{}, demanded());
        BOOST_TEST(by_address.preread.wants_bytes());
        BOOST_TEST(by_address.bring(v1 + "GET /", size) ==
                   (Outcome{CloseReason::none, "203.0.113.9", "GET /"}));
        BOOST_TEST(by_address.preread.origin().source.to_string() == "203.0.113.9:4711");
        Desk by_line(first_line(), demanded());
        BOOST_TEST(by_line.bring(v1 + "user-1\nmore", size) ==
                   (Outcome{CloseReason::none, "user-1", "user-1\nmore"}));
    }
}

BOOST_AUTO_TEST_CASE(local_leaves_the_sockets_own_peer) {
    for (const Version version : {Version::v1, Version::v2}) {
        Desk desk(KeySettings{}, demanded());
        BOOST_TEST(desk.bring(proxy::local_proxy_header(version) + "x") ==
                   (Outcome{CloseReason::none, "192.0.2.7", "x"}));
    }
}

BOOST_AUTO_TEST_CASE(who_is_not_trusted_is_refused_before_a_byte) {
    const Desk desk(KeySettings{}, demanded(), "192.0.3.7:1");
    BOOST_TEST(!desk.preread.wants_bytes());
    BOOST_TEST((desk.preread.refusal() == CloseReason::proxy_untrusted));
    const Desk v6(KeySettings{}, demanded(), "[2001:db8::1]:1");
    BOOST_TEST((v6.preread.refusal() == CloseReason::proxy_untrusted));
    Desk local(KeySettings{}, demanded(), "unix:/run/peer");
    BOOST_TEST(local.bring(v1) == (Outcome{CloseReason::none, "203.0.113.9", ""}));
}

BOOST_AUTO_TEST_CASE(headers_are_demanded_and_never_guessed) {
    BOOST_TEST((Desk(KeySettings{}, demanded()).bring("GET / HTTP/1.1\r\n").refusal ==
                CloseReason::proxy_missing));
    BOOST_TEST((Desk(KeySettings{}, demanded()).bring("PROXY TCP9 x\r\n").refusal ==
                CloseReason::proxy_malformed));
    // Nor is one looked for where none is demanded.
    BOOST_TEST(Desk(first_line()).bring(v1) ==
               (Outcome{CloseReason::none, v1.substr(0, v1.size() - 2), v1}));
    // On_missing speaks of keys, not of headers.
    Desk lax({.on_missing = OnMissing::random}, demanded());
    BOOST_TEST((lax.bring("GET / HTTP/1.1\r\n").refusal == CloseReason::proxy_missing));
}

BOOST_AUTO_TEST_CASE(a_changed_header_is_told_apart) {
    auto header = "\r\n\r\n\0\r\nQUIT\n\x21\x00\x00\x07\x03\x00\x04"s + "1234";
    BOOST_TEST(
        (Desk(KeySettings{}, demanded()).bring(header).refusal == CloseReason::proxy_checksum));
}

BOOST_AUTO_TEST_CASE(the_limit_counts_every_byte_up_to_the_keys_last) {
    BOOST_TEST(Desk(first_line(8)).bring("1234567\n") ==
               (Outcome{CloseReason::none, "1234567", "1234567\n"}));
    for (const std::size_t size : {std::size_t{1}, std::size_t{1000}}) {
        BOOST_TEST(
            (Desk(first_line(8)).bring("12345678\n", size).refusal == CloseReason::key_too_large));
        const std::size_t limit = v1.size() + 8;
        BOOST_TEST((Desk(first_line(limit), demanded()).bring(v1 + "1234567\n", size).refusal ==
                    CloseReason::none));
        BOOST_TEST((Desk(first_line(limit), demanded()).bring(v1 + "12345678\n", size).refusal ==
                    CloseReason::key_too_large));
        BOOST_TEST((Desk(first_line(v1.size() - 1), demanded()).bring(v1, size).refusal ==
                    CloseReason::key_too_large));
    }
    Desk waits(first_line(8));
    BOOST_TEST((waits.bring("1234567").refusal == CloseReason::none));
    BOOST_TEST(waits.preread.wants_bytes());
}

BOOST_AUTO_TEST_CASE(each_reason_for_no_key_has_its_word) {
    const KeyPart header{.from = From::header, .name = "X-User"};
    BOOST_TEST((Desk({.parts = {header}}).bring("GET /\n\n").refusal == CloseReason::key_missing));
    BOOST_TEST(
        (Desk({.parts = {header}}).bring("GET /\n:\n").refusal == CloseReason::key_malformed));
    BOOST_TEST((Desk({.parts = {{.from = From::sni}}}).bring("GET /").refusal ==
                CloseReason::key_not_tls));
}

BOOST_AUTO_TEST_CASE(who_has_no_key_can_be_placed_by_its_address) {
    KeySettings settings{.parts = {{.from = From::sni}}, .on_missing = OnMissing::source_ip};
    Desk desk(settings, demanded());
    BOOST_TEST(desk.bring(v1 + "SSH-2.0-x\r\n") ==
               (Outcome{CloseReason::none, "203.0.113.9", "SSH-2.0-x\r\n"}));
    BOOST_TEST((desk.preread.placed_by() == PlacedBy::source_ip));
    BOOST_TEST((desk.preread.missing() == CloseReason::key_not_tls));
    Desk nameless(settings, {}, "unix:/run/peer");
    BOOST_TEST((nameless.bring("SSH-2.0-x\r\n").refusal == CloseReason::key_not_tls));
}

BOOST_AUTO_TEST_CASE(who_has_no_key_can_be_placed_anywhere) {
    std::set<std::string> keys;
    for (int i = 0; i < 100; ++i) {
        Desk desk({.parts = {{.from = From::field, .number = 2}}, .on_missing = OnMissing::random});
        const Outcome outcome = desk.bring("quit\n");
        BOOST_TEST((outcome.refusal == CloseReason::none));
        BOOST_TEST((desk.preread.placed_by() == PlacedBy::random));
        BOOST_TEST((desk.preread.missing() == CloseReason::key_missing));
        keys.insert(outcome.key);
    }
    BOOST_TEST(keys.size() == 100u);
}

BOOST_AUTO_TEST_CASE(a_key_that_is_there_is_used_whatever_on_missing_says) {
    Desk desk({.parts = {{.from = From::first_line}}, .on_missing = OnMissing::random});
    BOOST_TEST(desk.bring("user-1\n").key == "user-1");
    BOOST_TEST((desk.preread.placed_by() == PlacedBy::key));
    BOOST_TEST((desk.preread.missing() == CloseReason::none));
}

BOOST_AUTO_TEST_CASE(an_end_before_the_key_is_a_missing_key) {
    for (const auto on_missing : {OnMissing::reject, OnMissing::source_ip, OnMissing::random}) {
        auto settings = first_line();
        settings.on_missing = on_missing;
        Desk half(settings, demanded());
        half.bring(v1 + "half a k");
        half.preread.end(half.head);
        BOOST_TEST(!half.preread.wants_bytes());
        BOOST_TEST((half.preread.missing() == CloseReason::key_missing));
        const bool placed = on_missing != OnMissing::reject;
        BOOST_TEST(
            (half.preread.refusal() == (placed ? CloseReason::none : CloseReason::key_missing)));
        BOOST_TEST(half.head == "half a k");
        // A client without a byte, or without a PROXY header, counts as one that has left.
        for (const std::string& bytes : {""s, v1.substr(0, 9), v1}) {
            Desk left(settings, demanded());
            left.bring(bytes);
            left.preread.end(left.head);
            BOOST_TEST((left.preread.refusal() == CloseReason::client_left), bytes);
        }
        // A key that was complete stays one.
        Desk whole(settings);
        whole.bring("key\n");
        whole.preread.end(whole.head);
        BOOST_TEST(whole.preread.key() == "key");
    }
}

BOOST_AUTO_TEST_CASE(silence_is_a_missing_key_once_patience_has_ended) {
    auto settings = first_line();
    settings.on_missing = OnMissing::source_ip;
    for (const std::string& begun : {""s, "half"s}) {
        Desk desk(settings);
        desk.bring(begun);
        BOOST_TEST(desk.preread.wants_bytes());
        desk.preread.end_patience();
        BOOST_TEST((desk.preread.placed_by() == PlacedBy::source_ip));
        BOOST_TEST((desk.preread.missing() == CloseReason::key_silent));
        BOOST_TEST(desk.head == begun);
    }
    // A header is waited for all the same; a key that comes with it counts.
    Desk late(settings, demanded());
    late.preread.end_patience();
    BOOST_TEST(late.preread.wants_bytes());
    BOOST_TEST(late.bring(v1) == (Outcome{CloseReason::none, "203.0.113.9", ""}));
    BOOST_TEST((late.preread.missing() == CloseReason::key_silent));
    Desk keyed(settings, demanded());
    keyed.preread.end_patience();
    BOOST_TEST(keyed.bring(v1 + "key\n") == (Outcome{CloseReason::none, "key", "key\n"}));
    Desk nameless(settings, {}, "unix:/run/peer");
    nameless.preread.end_patience();
    BOOST_TEST((nameless.preread.refusal() == CloseReason::key_silent));
}

BOOST_AUTO_TEST_CASE(limits_hold_whatever_on_missing_says) {
    for (const OnMissing on_missing : {OnMissing::source_ip, OnMissing::random}) {
        auto settings = first_line(8);
        settings.on_missing = on_missing;
        BOOST_TEST((Desk(settings).bring("12345678\n").refusal == CloseReason::key_too_large));
    }
}

BOOST_AUTO_TEST_CASE(the_authority_is_what_the_header_says_or_else_the_server_name) {
    const auto source = test::endpoint("203.0.113.9:4711");
    const auto header = proxy::proxy_header(
        Version::v2, {.source = source, .destination = source, .authority = "example.org"});
    Desk told(KeySettings{}, demanded());
    told.bring(header);
    BOOST_TEST(told.preread.authority() == "example.org");
    const Desk untold(KeySettings{});
    BOOST_TEST(untold.preread.authority() == "");
}

// What follows a PROXY header is the handshake's, and the key is read from what comes in clear.
BOOST_AUTO_TEST_CASE(a_key_behind_tls_waits_for_the_handshake) {
    for (const std::size_t size : {1u, 7u, 1u << 20}) {
        Desk desk(first_line(), demanded(), "192.0.2.7:1", true);
        BOOST_TEST(!desk.preread.wants_tls());
        std::string sent = v1 + "\x16\x03\x01";
        while (!desk.preread.wants_tls()) {
            desk.head += sent.substr(0, size);
            sent.erase(0, size);
            desk.preread.read(desk.head);
        }
        BOOST_TEST("\x16\x03\x01"s.starts_with(desk.head));
        BOOST_TEST(desk.preread.wants_bytes());
        desk.head.clear();
        desk.preread.end_tls({.server_name = "site.example"});
        BOOST_TEST(!desk.preread.wants_tls());
        BOOST_TEST(desk.bring("user\nrest") == (Outcome{CloseReason::none, "user", "user\nrest"}));
        BOOST_TEST(desk.preread.authority() == "site.example");
    }
}

BOOST_AUTO_TEST_CASE(a_key_that_needs_no_bytes_waits_for_the_handshake_too) {
    Desk desk(KeySettings{}, {}, "192.0.2.7:1", true);
    BOOST_TEST(desk.preread.wants_tls());
    desk.preread.end_tls({});
    BOOST_TEST(!desk.preread.wants_bytes());
    BOOST_TEST(desk.preread.key() == "192.0.2.7");

    Desk named({.parts = {{.from = From::sni}, {.from = From::alpn}}}, {}, "192.0.2.7:1", true);
    named.preread.end_tls({.server_name = "a.example", .alpn = "mqtt"});
    BOOST_TEST(named.preread.key() == "9:a.example,4:mqtt,");

    Desk silent(first_line(), {}, "192.0.2.7:1", true);
    silent.preread.end("");
    BOOST_TEST((silent.preread.refusal() == CloseReason::client_left));
}

BOOST_AUTO_TEST_CASE(patience_lasts_until_the_handshake_is_complete) {
    KeySettings key = first_line();
    key.on_missing = OnMissing::source_ip;
    Desk desk(key, {}, "192.0.2.7:1", true);
    desk.preread.end_patience();
    BOOST_TEST(desk.preread.wants_tls());
    desk.preread.end_tls({});
    BOOST_TEST((desk.preread.missing() == CloseReason::key_silent));
    BOOST_TEST(desk.preread.key() == "192.0.2.7");
}

BOOST_AUTO_TEST_SUITE_END()
