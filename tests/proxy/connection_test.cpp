// A connection from accept to its log line, by a real worker.
#include "proxy/data/connection.h"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/syscalls.h"
#include "tests/proxy/worker_rig.h"
#include "tests/support/noise.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::Fd;
using proxy::ListenerCounts;
using proxy::ServerCounts;
using test::keyed_by_first_line;
using test::WorkerRig;

namespace {

// Clients whose connections fill the queue of a socket that listens with a
// backlog of 0: the kernel then drops every SYN that comes.
std::vector<Fd> fill_queue(const conf::Endpoint& address) {
    std::vector<Fd> clients;
    for (bool full = false; !full;) {
        const proxy::SocketAddress to(address);
        Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        ::connect(client.get(), &to.any, to.size);
        full = !test::ready(client, POLLOUT, 50ms);
        clients.push_back(std::move(client));
    }
    return clients;
}

// Sends a byte every 10 ms until the socket reports an end; returns how many were sent.
int trickle(const Fd& socket) {
    int sent = 0;
    while (sent < 2000 && !test::ready(socket, POLLIN | POLLRDHUP, 10ms)) {
        sent += ::send(socket.get(), "x", 1, MSG_NOSIGNAL) == 1 ? 1 : 0;
    }
    return sent;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(connection)

BOOST_AUTO_TEST_CASE(a_connection_is_relayed_to_the_owner_of_its_key_and_counted) {
    WorkerRig rig(keyed_by_first_line());
    for (const auto* id : {"a", "b", "c"}) rig.add_server(id);
    const std::string key = rig.key_of({"b"});
    const Fd client = rig.connect();
    test::send_all(client, key + "\nquestion");
    const Fd server = rig.accept("b");
    BOOST_TEST(test::receive(server, key.size() + 9) == key + "\nquestion");
    BOOST_TEST(rig.count("b", &ServerCounts::active) == 1u);
    BOOST_TEST(rig.count(&ListenerCounts::active) == 1u);
    test::send_all(server, "answer");
    test::end_sending(server);
    BOOST_TEST(test::receive_to_end(client).bytes == "answer");
    test::end_sending(client);
    BOOST_TEST(test::receive_to_end(server).error == 0);

    BOOST_TEST(rig.ended("done"));
    BOOST_TEST(rig.is_idle());
    BOOST_TEST(rig.count("b", &ServerCounts::total) == 1u);
    BOOST_TEST(rig.count("b", &ServerCounts::bytes_up) == key.size() + 9);
    BOOST_TEST(rig.count("b", &ServerCounts::bytes_down) == 6u);
    BOOST_TEST(rig.count(&ListenerCounts::accepted) == 1u);
    BOOST_TEST(rig.count(&ListenerCounts::refused) == 0u);
    BOOST_TEST(rig.log().count(" server=b attempts=1 ") == 1u);
    BOOST_TEST(rig.log().count("key=\"" + key + "\"") == 1u);
}

BOOST_AUTO_TEST_CASE(a_refused_dial_goes_to_the_next_of_the_walk_with_the_early_bytes_once) {
    WorkerRig rig(keyed_by_first_line());
    rig.add_server("a", test::bound_socket());
    rig.add_server("b", test::bound_socket());
    rig.add_server("c");
    const std::string key = rig.key_of({"a", "b", "c"});
    const Fd client = rig.connect();
    const std::string early = key + "\nearly";
    test::send_all(client, early);
    const Fd server = rig.accept("c");
    BOOST_TEST(test::receive(server, early.size()) == early);
    test::send_all(client, " late");
    test::end_sending(client);
    BOOST_TEST(test::receive_to_end(server).bytes == " late");
    test::end_sending(server);
    BOOST_TEST(test::receive_to_end(client).error == 0);
    BOOST_TEST(rig.is_idle());
    BOOST_TEST(rig.log().has(" server=c attempts=3 "));
    BOOST_TEST(rig.count("a", &ServerCounts::connect_failures) == 1u);
    BOOST_TEST(rig.count("a", &ServerCounts::total) == 0u);
    BOOST_TEST(rig.count("c", &ServerCounts::connect_failures) == 0u);
}

BOOST_AUTO_TEST_CASE(a_dial_without_an_answer_goes_on_after_its_timeout) {
    auto settings = keyed_by_first_line();
    settings.connect.timeout = 100ms;
    WorkerRig rig(settings);
    rig.add_server("a", test::listening_socket(0));
    rig.add_server("b");
    const auto waiting = fill_queue(test::local_endpoint(rig.socket("a")));
    const std::string key = rig.key_of({"a", "b"});
    const auto begin = proxy::Clock::now();
    const Fd client = rig.connect();
    test::send_all(client, key + "\n");
    const Fd server = rig.accept("b");
    BOOST_TEST((proxy::Clock::now() - begin >= 100ms));
    BOOST_TEST(test::receive(server, key.size() + 1) == key + "\n");
    BOOST_TEST(rig.count("a", &ServerCounts::connect_failures) == 1u);
    BOOST_TEST(rig.count("a", &ServerCounts::active) == 0u);
    BOOST_TEST(rig.count("b", &ServerCounts::active) == 1u);
}

BOOST_AUTO_TEST_CASE(a_budget_bounds_all_dials_together_and_what_it_cut_short_blames_no_server) {
    auto settings = keyed_by_first_line();
    settings.connect = {.timeout = 100ms, .attempts = 3, .budget = 150ms};
    WorkerRig rig(settings);
    for (const auto* id : {"a", "b", "c"}) rig.add_server(id, test::listening_socket(0));
    std::vector<std::vector<Fd>> waiting;
    for (const auto* id : {"a", "b"}) {
        waiting.push_back(fill_queue(test::local_endpoint(rig.socket(id))));
    }
    const Fd client = rig.connect();
    const auto begin = proxy::Clock::now();
    test::send_all(client, rig.key_of({"a", "b", "c"}) + "\n");
    BOOST_TEST(test::was_reset(test::receive_to_end(client)));
    BOOST_TEST((proxy::Clock::now() - begin >= 150ms));
    BOOST_TEST(rig.log().has(" server=- attempts=2 "));
    BOOST_TEST(rig.ended("connect_failed"));
    BOOST_TEST(rig.count("a", &ServerCounts::connect_failures) == 1u);
    BOOST_TEST(rig.count("b", &ServerCounts::connect_failures) == 0u);
    BOOST_TEST(!rig.was_dialled("c"));
}

BOOST_AUTO_TEST_CASE(no_more_servers_are_tried_than_attempts_allow) {
    auto settings = keyed_by_first_line();
    settings.connect.attempts = 2;
    WorkerRig rig(settings);
    rig.add_server("a", test::bound_socket());
    rig.add_server("b", test::bound_socket());
    rig.add_server("c");
    const Fd client = rig.connect();
    test::send_all(client, rig.key_of({"a", "b", "c"}) + "\n");
    BOOST_TEST(test::was_reset(test::receive_to_end(client)));
    BOOST_TEST(rig.ended("connect_failed"));
    BOOST_TEST(rig.log().has(" server=- attempts=2 "));
    BOOST_TEST(!rig.was_dialled("c"));
    BOOST_TEST(rig.count(&ListenerCounts::refused) == 1u);
    BOOST_TEST(rig.is_idle());
}

BOOST_AUTO_TEST_CASE(without_a_server_a_client_is_reset) {
    WorkerRig rig;
    rig.add_server("a");
    rig.balancer().set_status("a", ring::Status::offline);
    const Fd client = rig.connect();
    BOOST_TEST(test::was_reset(test::receive_to_end(client)));
    BOOST_TEST(rig.ended("no_server"));
    BOOST_TEST(!rig.was_dialled("a"));
    BOOST_TEST(rig.count(&ListenerCounts::refused) == 1u);

    rig.balancer().set_status("a", ring::Status::online);
    const Fd later = rig.connect();
    BOOST_TEST(!!rig.accept("a"));
}

BOOST_AUTO_TEST_CASE(a_full_server_is_passed_over_and_full_servers_refuse) {
    WorkerRig rig(keyed_by_first_line());
    rig.add_server("a", test::listening_socket(), 1);
    rig.add_server("b", test::listening_socket(), 1);
    const std::string key = rig.key_of({"a", "b"}) + "\n";
    const Fd first = rig.connect();
    test::send_all(first, key);
    Fd at_a = rig.accept("a");
    const Fd second = rig.connect();
    test::send_all(second, key);
    const Fd at_b = rig.accept("b");
    const Fd third = rig.connect();
    test::send_all(third, key);
    BOOST_TEST(test::was_reset(test::receive_to_end(third)));
    BOOST_TEST(rig.ended("servers_full"));

    at_a.close_with_reset();
    BOOST_TEST(rig.ended("server_reset"));
    const Fd fourth = rig.connect();
    test::send_all(fourth, key);
    BOOST_TEST(!!rig.accept("a"));
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_before_its_key_dials_nobody) {
    WorkerRig rig(keyed_by_first_line());
    rig.add_server("a");
    {
        const Fd polite = rig.connect();
        test::send_all(polite, "half a ke");
    }
    BOOST_TEST(rig.ended("key_missing"));
    Fd rude = rig.connect();
    test::send_all(rude, "half a ke");
    rude.close_with_reset();
    BOOST_TEST(rig.ended("client_left"));
    { const Fd silent = rig.connect(); }
    BOOST_TEST(rig.ended("client_left", 2));
    BOOST_TEST(rig.is_idle());
    BOOST_TEST(!rig.was_dialled("a"));
    BOOST_TEST(rig.count(&ListenerCounts::refused) == 3u);
}

BOOST_AUTO_TEST_CASE(a_client_that_breaks_off_during_the_dial_ends_it) {
    WorkerRig rig;
    rig.add_server("a", test::listening_socket(0));
    const auto waiting = fill_queue(test::local_endpoint(rig.socket("a")));
    Fd client = rig.connect();
    BOOST_TEST(test::eventually([&] { return rig.count("a", &ServerCounts::active) == 1; }));
    client.close_with_reset();
    BOOST_TEST(rig.ended("client_left"));
    BOOST_TEST(rig.is_idle());
}

BOOST_AUTO_TEST_CASE(the_key_deadline_counts_from_accept_whatever_bytes_come) {
    auto settings = keyed_by_first_line();
    settings.timeouts.key = 150ms;
    WorkerRig rig(settings);
    rig.add_server("a");
    const auto begin = proxy::Clock::now();
    const Fd slow = rig.connect();
    const int sent = trickle(slow);
    BOOST_TEST((proxy::Clock::now() - begin >= 150ms));
    BOOST_TEST(sent > 0);
    BOOST_TEST(sent < 1000);
    BOOST_TEST(test::was_reset(test::receive_to_end(slow)));
    BOOST_TEST(rig.ended("key_timeout"));
    const Fd silent = rig.connect();
    BOOST_TEST(test::was_reset(test::receive_to_end(silent)));
    BOOST_TEST(rig.ended("key_timeout", 2));
    BOOST_TEST(!rig.was_dialled("a"));
    BOOST_TEST(rig.is_idle());
}

BOOST_AUTO_TEST_CASE(a_head_without_a_key_is_refused_before_any_dial) {
    auto settings = keyed_by_first_line();
    settings.key.max_bytes = 64;
    WorkerRig lines(settings);
    lines.add_server("a");
    const Fd large = lines.connect();
    test::send_all(large, std::string(64, 'x'));
    BOOST_TEST(test::was_reset(test::receive_to_end(large)));
    BOOST_TEST(lines.ended("key_too_large"));
    BOOST_TEST(!lines.was_dialled("a"));
}

BOOST_AUTO_TEST_CASE(a_missing_and_a_malformed_header_are_told_apart) {
    WorkerRig rig({.key = {.parts = {{.from = conf::KeyPart::From::header, .name = "X-User"}}}});
    rig.add_server("a");
    const Fd missing = rig.connect();
    test::send_all(missing, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    BOOST_TEST(test::was_reset(test::receive_to_end(missing)));
    BOOST_TEST(rig.ended("key_missing"));
    const Fd malformed = rig.connect();
    test::send_all(malformed, "GET / HTTP/1.1\r\nno header\r\n");
    BOOST_TEST(test::was_reset(test::receive_to_end(malformed)));
    BOOST_TEST(rig.ended("key_malformed"));
    BOOST_TEST(!rig.was_dialled("a"));
}

BOOST_AUTO_TEST_CASE(an_idle_connection_ends_and_one_with_traffic_does_not) {
    WorkerRig rig({.timeouts = {.idle = 400ms}});
    rig.add_server("a");
    const Fd client = rig.connect();
    const Fd server = rig.accept("a");
    const auto begin = proxy::Clock::now();
    while (proxy::Clock::now() - begin < 1s) {
        test::send_all(client, "x");
        BOOST_TEST(test::receive(server, 1) == "x");
        BOOST_REQUIRE(!test::ready(client, POLLIN, 20ms));
    }
    BOOST_TEST(test::was_reset(test::receive_to_end(client)));
    BOOST_TEST(test::was_reset(test::receive_to_end(server)));
    BOOST_TEST(rig.ended("idle_timeout"));
    BOOST_TEST(rig.is_idle());
}

BOOST_AUTO_TEST_CASE(half_a_connection_ends_when_it_stands_still_and_not_while_bytes_move) {
    WorkerRig rig({.timeouts = {.half_close = 400ms}});
    rig.add_server("a");
    const Fd client = rig.connect();
    const Fd server = rig.accept("a");
    test::end_sending(client);
    BOOST_TEST(test::receive_to_end(server).error == 0);
    const auto begin = proxy::Clock::now();
    while (proxy::Clock::now() - begin < 1s) {
        test::send_all(server, "x");
        BOOST_TEST(test::receive(client, 1) == "x");
        BOOST_REQUIRE(!test::ready(client, POLLIN, 20ms));
    }
    BOOST_TEST(test::was_reset(test::receive_to_end(client)));
    BOOST_TEST(rig.ended("half_close_timeout"));
    BOOST_TEST(rig.is_idle());
}

// Nothing moves in the relay, but the reader still takes what the kernel holds.
BOOST_AUTO_TEST_CASE(a_reader_that_still_takes_bytes_from_the_kernel_is_no_idle_one) {
    WorkerRig rig({.timeouts = {.idle = 400ms}});
    rig.add_server("a");
    const Fd client = test::connected_socket(rig.address(), 16 << 10);
    const Fd server = rig.accept("a");
    const test::Noise noise(7);
    constexpr std::size_t size = 192 << 10;
    test::send_all(server, noise.text(0, size));
    std::string got;
    while (got.size() < size && !test::ready(client, POLLRDHUP | POLLHUP, 20ms)) {
        got += test::receive(client, std::min<std::size_t>(4096, size - got.size()));
    }
    BOOST_TEST(got.size() == size);
    BOOST_TEST(noise.matches(0, got));
    BOOST_TEST(rig.ended("idle_timeout"));
}

BOOST_AUTO_TEST_CASE(a_reset_of_either_side_reaches_the_other_and_is_named) {
    WorkerRig rig;
    rig.add_server("a");
    for (const bool from_client : {true, false}) {
        Fd client = rig.connect();
        Fd server = rig.accept("a");
        // Until a byte came through, the worker may still be dialling.
        test::send_all(client, "x");
        BOOST_TEST(test::receive(server, 1) == "x");
        auto& breaking = from_client ? client : server;
        const auto& other = from_client ? server : client;
        test::send_all(breaking, "last words");
        test::await_delivery(breaking);
        breaking.close_with_reset();
        const auto received = test::receive_to_end(other);
        BOOST_TEST(received.bytes == "last words");
        BOOST_TEST(test::was_reset(received));
        BOOST_TEST(rig.ended(from_client ? "client_reset" : "server_reset"));
    }
    BOOST_TEST(rig.is_idle());
}

// A server that reads nothing must not keep the connection of a closed client.
BOOST_AUTO_TEST_CASE(a_client_that_breaks_off_frees_both_sides_though_the_server_stalls) {
    WorkerRig rig;
    rig.add_server("a", test::listening_socket(16, 16 << 10));
    Fd client = rig.connect();
    const Fd server = rig.accept("a");
    test::set_blocking(client, false);
    const std::string chunk(64 << 10, 'x');
    while (test::ready(client, POLLOUT, 100ms)) {
        ::send(client.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
    }
    client.close_with_reset();
    BOOST_TEST(rig.ended("client_reset"));
    BOOST_TEST(rig.is_idle());
    BOOST_TEST(test::was_reset(test::receive_to_end(server)));
}

BOOST_AUTO_TEST_CASE(a_client_that_sends_all_and_ends_at_once_gets_its_whole_answer) {
    WorkerRig rig(keyed_by_first_line());
    rig.add_server("a");
    const test::Noise noise(9);
    const std::string answer = noise.text(0, 100'000);
    const Fd client = rig.connect();
    test::send_all(client, "key\nquestion");
    test::end_sending(client);
    const Fd server = rig.accept("a");
    const auto question = test::receive_to_end(server);
    BOOST_TEST(question.bytes == "key\nquestion");
    BOOST_TEST(question.error == 0);
    test::send_all(server, answer);
    test::end_sending(server);
    const auto received = test::receive_to_end(client);
    BOOST_TEST((received.bytes == answer));
    BOOST_TEST(received.error == 0);
    BOOST_TEST(rig.ended("done"));
}

BOOST_AUTO_TEST_SUITE_END()
