#include "proxy/tls/session.h"

#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/tls/rig.h"
#include "tests/support/random.h"

using namespace ringway;
using proxy::TlsFailure;
using proxy::TlsSession;
using test::TlsClient;
using test::TlsServed;
using State = TlsSession::State;

namespace {

struct Fixture {
    test::TlsFiles files;
    TlsServed served{test::load_server(files.settings())};
    TlsClient client;

    void agree() {
        served.talk(client);
        BOOST_REQUIRE((served.session.state() == State::open));
    }
    std::string answer(std::string_view bytes) {
        BOOST_REQUIRE(served.session.seal(bytes, served.out));
        client.give(std::exchange(served.out, {}));
        return client.read();
    }
};

TlsClient::Setup only(int version) {
    return [version](SSL_CTX* context) {
        SSL_CTX_set_min_proto_version(context, version);
        SSL_CTX_set_max_proto_version(context, version);
    };
}

std::string noise(std::size_t size) {
    test::SeededRandom random;
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(tls_session, Fixture)

BOOST_AUTO_TEST_CASE(bytes_go_both_ways_in_both_versions_however_the_network_cuts_them) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        for (const std::size_t size : {1u, 3u, 1000u, 1u << 20}) {
            TlsServed server(test::load_server(files.settings()));
            TlsClient peer(only(version));
            server.talk(peer, size);
            BOOST_REQUIRE((server.session.state() == State::open));
            const std::string up = noise(50'000);
            peer.write(up);
            server.give(peer.take(), size);
            BOOST_TEST((server.clear == up));
            const std::string down = noise(70'000);
            BOOST_REQUIRE(server.session.seal(down, server.out));
            peer.give(server.out);
            BOOST_TEST((peer.read() == down));
        }
    }
}

BOOST_AUTO_TEST_CASE(what_follows_a_handshake_in_one_segment_is_left_for_open) {
    client.shake_hands();
    served.give(client.take());
    client.give(std::exchange(served.out, {}));
    BOOST_REQUIRE(client.shake_hands());
    client.write("first");
    const std::string segment = client.take();
    std::string_view left = segment;
    served.session.shake_hands(left, served.out);
    BOOST_REQUIRE((served.session.state() == State::open));
    BOOST_TEST(!left.empty());
    served.give(left);
    BOOST_TEST(served.clear == "first");
}

BOOST_AUTO_TEST_CASE(an_end_is_told_after_the_bytes_before_it_and_the_other_way_goes_on) {
    agree();
    client.write("last");
    client.end();
    served.give(client.take());
    BOOST_TEST(served.clear == "last");
    BOOST_TEST((served.session.state() == State::ended));
    BOOST_TEST(answer("still here") == "still here");
    served.session.end(served.out);
    client.give(served.out);
    client.read();
    BOOST_TEST(client.has_seen_end());
}

BOOST_AUTO_TEST_CASE(bytes_before_a_broken_record_are_given) {
    agree();
    client.write("whole");
    std::string bytes = client.take();
    client.write("altered");
    std::string altered = client.take();
    altered.back() = static_cast<char>(altered.back() ^ 1);
    served.give(bytes + altered);
    BOOST_TEST(served.clear == "whole");
    BOOST_TEST((served.session.failure() == TlsFailure::malformed));
    BOOST_TEST(served.session.has_sent_alert());
    BOOST_TEST(!served.out.empty());
}

BOOST_AUTO_TEST_CASE(what_speaks_no_tls_is_known_by_its_first_byte) {
    for (const std::string_view bytes : {"GET / HTTP/1.1\r\n", "x", "\x80\x2e\x01\x03\x01"}) {
        TlsServed server(test::load_server(files.settings()));
        server.give(bytes);
        BOOST_TEST((server.session.failure() == TlsFailure::not_tls));
        BOOST_TEST(server.out.empty());
    }
}

BOOST_AUTO_TEST_CASE(a_refusal_of_ours_by_the_client_is_told_in_its_words) {
    TlsClient strict(
        [](SSL_CTX* context) { SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr); });
    TlsServed server(test::load_server(files.settings()));
    server.talk(strict);
    BOOST_TEST((server.session.failure() == TlsFailure::alert));
    BOOST_TEST(server.session.reason() == "alert: unknown CA");
}

BOOST_AUTO_TEST_CASE(what_has_nothing_in_common_is_told_apart) {
    auto settings = files.settings();
    settings.min_version = conf::TlsVersion::v1_3;
    settings.alpn = {"mqtt"};
    const auto failure_with = [&](const TlsClient::Setup& setup) {
        TlsServed server(test::load_server(settings));
        TlsClient peer(setup);
        server.talk(peer);
        BOOST_TEST(server.session.has_sent_alert());
        return server.session.failure();
    };
    BOOST_TEST((failure_with(only(TLS1_2_VERSION)) == TlsFailure::no_shared_version));
    BOOST_TEST((failure_with([](SSL_CTX* context) {
                    SSL_CTX_set1_groups_list(context, "P-521");
                }) == TlsFailure::no_shared_cipher));
    BOOST_TEST((failure_with([](SSL_CTX* context) {
                    const unsigned char offered[] = {2, 'h', '2'};
                    SSL_CTX_set_alpn_protos(context, offered, sizeof offered);
                }) == TlsFailure::no_shared_alpn));
}

// Each costs the server a derivation of keys, and says nothing.
BOOST_AUTO_TEST_CASE(a_flood_of_key_updates_is_ended_and_updates_between_bytes_are_not) {
    agree();
    for (int i = 0; i < 200; ++i) {
        BOOST_REQUIRE(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
        client.write("x");
        served.give(client.take());
        client.give(std::exchange(served.out, {}));
        client.read();
    }
    BOOST_TEST(served.clear == std::string(200, 'x'));
    BOOST_TEST((served.session.state() == State::open));
    for (int i = 0; i < 200; ++i) {
        SSL_key_update(client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
        client.shake_hands();
    }
    served.give(client.take());
    BOOST_TEST((served.session.failure() == TlsFailure::flood));
}

BOOST_AUTO_TEST_CASE(another_handshake_of_tls_1_2_is_refused) {
    TlsServed server(test::load_server(files.settings()));
    TlsClient peer([](SSL_CTX* context) {
        only(TLS1_2_VERSION)(context);
        SSL_CTX_set_options(context, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
    });
    server.talk(peer);
    BOOST_REQUIRE((server.session.state() == State::open));
    BOOST_TEST(SSL_renegotiate(peer.ssl()) == 1);
    server.talk(peer);
    // The client was told so by an alert, and nothing was agreed anew.
    BOOST_TEST(!peer.shake_hands());
    BOOST_TEST(SSL_total_renegotiations(const_cast<SSL*>(server.session.ssl())) == 0);
    BOOST_TEST(server.clear.empty());
}

BOOST_AUTO_TEST_SUITE_END()
