// How a worker ends the connections of a server, and what its connections report of one.
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "proxy/data/eviction.h"
#include "tests/proxy/syscalls.h"
#include "tests/proxy/worker_rig.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::CloseReason;
using proxy::Fd;
using proxy::ServerCounts;
using test::keyed_by_first_line;
using test::WorkerRig;

namespace {

// Two servers, and connections that are relayed to them.
struct Fixture {
    Fixture() {
        for (const auto* id : {"a", "b"}) rig.add_server(id);
    }
    void connect(const std::string& id, int count) {
        const std::string key = rig.key_of({id}) + "\n";
        for (; count > 0; --count) {
            clients.push_back(rig.connect());
            test::send_all(clients.back(), key);
            servers.push_back(rig.accept(id));
            BOOST_REQUIRE(test::receive(servers.back(), key.size()) == key);
        }
    }
    std::uint64_t active(const std::string& id) const {
        return rig.count(id, &ServerCounts::active);
    }
    void evict(const std::string& id, CloseReason reason, proxy::Clock::duration over) {
        rig.worker().evict({rig.counts(id), reason, over});
    }

    WorkerRig rig{keyed_by_first_line()};
    std::vector<Fd> clients;
    std::vector<Fd> servers;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(eviction, Fixture)

BOOST_AUTO_TEST_CASE(the_connections_of_one_server_end_at_once) {
    connect("a", 5);
    connect("b", 3);
    evict("a", CloseReason::server_removed, 0s);
    for (std::size_t i = 0; i < 5; ++i) {
        BOOST_TEST(test::was_reset(test::receive_to_end(clients[i])));
        BOOST_TEST(test::was_reset(test::receive_to_end(servers[i])));
    }
    BOOST_TEST(rig.ended("server_removed", 5));
    BOOST_TEST(active("b") == 3u);
    test::send_all(servers[7], "still here");
    BOOST_TEST(test::receive(clients[7], 10) == "still here");
}

BOOST_AUTO_TEST_CASE(connections_end_one_by_one_over_a_time) {
    connect("a", 20);
    connect("b", 1);
    evict("a", CloseReason::server_down, 400ms);
    bool some = false;  // have ended while others had not
    BOOST_TEST(test::eventually([&] {
        some = some || (active("a") > 0 && active("a") < 20);
        return active("a") == 0;
    }));
    BOOST_TEST(some);
    BOOST_TEST(rig.ended("server_down", 20));
    BOOST_TEST(active("b") == 1u);
}

BOOST_AUTO_TEST_CASE(those_that_are_left_are_spared_when_the_server_is_back) {
    connect("a", 20);
    evict("a", CloseReason::server_down, 1s);
    BOOST_TEST(test::eventually([&] { return active("a") < 20; }));
    rig.worker().cancel_eviction({.server = rig.counts("a")});
    // What comes after it is done after it.
    evict("b", CloseReason::server_down, 0s);
    connect("b", 1);
    const auto left = active("a");
    BOOST_TEST(left > 0u);
    BOOST_TEST(!test::eventually([&] { return active("a") < left; }, 1'100ms));
}

BOOST_AUTO_TEST_CASE(all_that_are_left_end_one_by_one_whatever_they_are_at) {
    connect("a", 10);
    connect("b", 10);
    const Fd without_key = rig.connect();
    BOOST_TEST(test::eventually([&] { return rig.count(&proxy::ListenerCounts::active) == 21; }));
    rig.worker().evict({nullptr, CloseReason::shutdown, 400ms});
    bool some = false;
    BOOST_TEST(test::eventually([&] {
        const auto left = rig.count(&proxy::ListenerCounts::active);
        some = some || (left > 0 && left < 21);
        return left == 0;
    }));
    BOOST_TEST(some);
    BOOST_TEST(test::was_reset(test::receive_to_end(without_key)));
    BOOST_TEST(rig.ended("shutdown", 21));
}

// The drain of a server or of the proxy: whichever comes to a connection first.
BOOST_AUTO_TEST_CASE(a_server_that_departs_and_a_drain_that_ends_cross) {
    connect("a", 10);
    connect("b", 10);
    evict("a", CloseReason::server_removed, 1h);
    rig.worker().evict({nullptr, CloseReason::shutdown, 300ms});
    evict("b", CloseReason::server_down, 0s);
    BOOST_TEST(rig.ended("server_down"));
    BOOST_TEST(rig.is_idle());
    const auto ends = [&](CloseReason end) { return rig.ended_by(end); };
    BOOST_TEST(ends(CloseReason::shutdown) >= 9u);  // one in an hour is the most that goes before
    BOOST_TEST(ends(CloseReason::shutdown) + ends(CloseReason::server_removed) +
                   ends(CloseReason::server_down) ==
               20u);
}

BOOST_AUTO_TEST_CASE(a_worker_stops_in_the_middle_of_it) {
    connect("a", 3);
    evict("a", CloseReason::server_down, 1h);
    rig.worker().stop();
    for (const Fd& client : clients) BOOST_TEST(test::was_reset(test::receive_to_end(client)));
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

struct Reports {
    std::shared_ptr<std::atomic<int>> wakes = std::make_shared<std::atomic<int>>(0);
    std::shared_ptr<proxy::FailureReports> failure_reports =
        std::make_shared<proxy::FailureReports>([wakes = wakes] { ++*wakes; });

    test::RigSettings settings() const {
        auto made = keyed_by_first_line();
        made.failure_reports = failure_reports;
        return made;
    }
    std::pair<std::uint32_t, std::uint32_t> taken() const {
        const auto [connects, resets] = failure_reports->take();
        return {connects, resets};
    }
    using Taken = std::pair<std::uint32_t, std::uint32_t>;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(reports, Reports)

BOOST_AUTO_TEST_CASE(refused_dials_are_reported_with_one_wake) {
    WorkerRig rig(settings());
    rig.add_server("a", test::bound_socket());
    for (int i = 0; i < 3; ++i) {
        const Fd client = rig.connect();
        test::send_all(client, "key\n");
        BOOST_TEST(test::was_reset(test::receive_to_end(client)));
    }
    BOOST_TEST(*wakes == 1);
    BOOST_TEST((taken() == Taken{3, 0}));
    BOOST_TEST((taken() == Taken{0, 0}));
}

BOOST_AUTO_TEST_CASE(a_reset_before_a_byte_is_reported_and_one_after_it_is_not) {
    WorkerRig rig(settings());
    rig.add_server("a");
    for (const std::string_view said : {"", "hello"}) {
        const Fd client = rig.connect();
        test::send_all(client, "key\n");
        Fd server = rig.accept("a");
        BOOST_TEST(test::receive(server, 4) == "key\n");
        test::send_all(server, said);
        if (!said.empty()) BOOST_TEST(test::receive(client, said.size()) == said);
        server.close_with_reset();
        BOOST_TEST(test::was_reset(test::receive_to_end(client)));
    }
    BOOST_TEST(rig.ended("server_reset", 2));
    const auto [connects, resets] = taken();
    BOOST_TEST(connects == 0u);
    BOOST_TEST(resets == 1u);
}

BOOST_AUTO_TEST_CASE(a_client_that_breaks_off_says_nothing_of_the_server) {
    WorkerRig rig(settings());
    rig.add_server("a");
    Fd client = rig.connect();
    test::send_all(client, "key\n");
    const Fd server = rig.accept("a");
    BOOST_TEST(test::receive(server, 4) == "key\n");
    client.close_with_reset();
    BOOST_TEST(rig.ended("client_reset"));
    BOOST_TEST((taken() == Taken{0, 0}));
}

// tests/faults.md 18
BOOST_AUTO_TEST_CASE(what_this_machine_lacks_is_no_fault_of_the_server) {
    WorkerRig rig(settings());
    rig.add_server("a");
    const Fd client = rig.connect();
    BOOST_TEST(test::eventually([&] { return rig.count(&proxy::ListenerCounts::active) == 1; }));
    const test::syscalls::Refusal none(test::syscalls::socket_error, EADDRNOTAVAIL);
    test::send_all(client, "key\n");
    BOOST_TEST(test::was_reset(test::receive_to_end(client)));
    BOOST_TEST((taken() == Taken{0, 0}));
}

BOOST_AUTO_TEST_SUITE_END()
