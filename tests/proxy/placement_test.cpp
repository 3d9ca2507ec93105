// The key that places a connection, and the PROXY header that its server gets, with a real worker.
#include <chrono>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/worker_rig.h"

using namespace ringway;
using proxy::Fd;
using proxy::ListenerCounts;
using test::keyed_by_first_line;
using test::WorkerRig;

BOOST_AUTO_TEST_SUITE(placement)

BOOST_AUTO_TEST_CASE(a_proxy_header_names_the_client_and_stays_here) {
    auto settings = keyed_by_first_line();
    settings.proxy_protocol = {.v1 = true, .trusted = {*conf::Network::parse("127.0.0.0/8")}};
    WorkerRig rig(settings);
    rig.add_server("a");
    const Fd client = rig.connect();
    test::send_all(client, "PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\nkey\nmore");
    const Fd server = rig.accept("a");
    BOOST_TEST(test::receive(server, 8) == "key\nmore");
    const Fd stranger = rig.connect();
    test::send_all(stranger, "key\n");
    BOOST_TEST(test::was_reset(test::receive_to_end(stranger)));
    BOOST_TEST(rig.ended("proxy_missing"));
    BOOST_TEST(rig.ended_by(proxy::CloseReason::proxy_missing) == 1u);
    test::end_sending(client);
    test::end_sending(server);
    BOOST_TEST(test::receive_to_end(client).error == 0);
    BOOST_TEST(rig.log().has(" client=203.0.113.9:4711 key=\"key\" server=a "));
}

BOOST_AUTO_TEST_CASE(a_server_is_told_who_the_client_is_before_its_bytes) {
    auto settings = keyed_by_first_line();
    settings.send_proxy = {.version = conf::SendProxy::Version::v1};
    WorkerRig rig(settings);
    rig.add_server("a");
    const Fd client = rig.connect();
    test::send_all(client, "key\n");
    const Fd server = rig.accept("a");
    const std::string expected = "PROXY TCP4 127.0.0.1 127.0.0.1 " +
                                 std::to_string(test::local_endpoint(client).port) + ' ' +
                                 std::to_string(rig.address().port) + "\r\nkey\n";
    BOOST_TEST(test::receive(server, expected.size()) == expected);
}

BOOST_AUTO_TEST_CASE(who_has_no_key_is_placed_as_on_missing_says_and_counted) {
    WorkerRig rig({.key = {.parts = {{.from = conf::KeyPart::From::sni}},
                           .on_missing = conf::KeySettings::OnMissing::source_ip}});
    rig.add_server("a");
    const Fd client = rig.connect();
    test::send_all(client, "SSH-2.0-x\r\n");
    const Fd server = rig.accept("a");
    BOOST_TEST(test::receive(server, 11) == "SSH-2.0-x\r\n");
    BOOST_TEST(rig.count(&ListenerCounts::placed_by_source_ip) == 1u);
    test::end_sending(client);
    test::end_sending(server);
    BOOST_TEST(rig.log().has("key=\"127.0.0.1\" placed_by=source_ip:key_not_tls server=a "));
}

BOOST_AUTO_TEST_CASE(who_ends_before_its_key_is_placed_and_its_end_passed_on) {
    auto settings = keyed_by_first_line();
    settings.key.on_missing = conf::KeySettings::OnMissing::source_ip;
    WorkerRig rig(settings);
    rig.add_server("a");
    const Fd client = rig.connect();
    test::send_all(client, "PING");
    test::end_sending(client);
    const Fd server = rig.accept("a");
    const auto received = test::receive_to_end(server);
    BOOST_TEST(received.bytes == "PING");
    BOOST_TEST(received.error == 0);
    test::send_all(server, "PONG");
    test::end_sending(server);
    const auto answer = test::receive_to_end(client);
    BOOST_TEST(answer.bytes == "PONG");
    BOOST_TEST(answer.error == 0);
    BOOST_TEST(rig.ended("done"));
    BOOST_TEST(rig.log().has(" placed_by=source_ip:key_missing server=a "));
    BOOST_TEST(rig.count(&ListenerCounts::placed_by_source_ip) == 1u);
}

BOOST_AUTO_TEST_CASE(who_waits_for_a_server_that_speaks_first_reaches_it) {
    auto settings = keyed_by_first_line();
    settings.key.on_missing = conf::KeySettings::OnMissing::source_ip;
    settings.key.silent_after = std::chrono::milliseconds(50);
    settings.timeouts.key = std::chrono::minutes(1);
    WorkerRig rig(settings);
    rig.add_server("a");
    const Fd client = rig.connect();
    const Fd server = rig.accept("a");
    test::send_all(server, "hello");
    BOOST_TEST(test::receive(client, 5) == "hello");
    test::send_all(client, "key\n");
    BOOST_TEST(test::receive(server, 4) == "key\n");
    test::end_sending(client);
    test::end_sending(server);
    BOOST_TEST(rig.ended("done"));
    BOOST_TEST(rig.log().has(" placed_by=source_ip:key_silent server=a "));
}

BOOST_AUTO_TEST_SUITE_END()
