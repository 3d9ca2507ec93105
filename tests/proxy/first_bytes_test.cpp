// What a client has sent by the time that it is accepted.
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/segments.h"
#include "tests/proxy/worker_rig.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::Fd;
using proxy::ServerCounts;
using test::WorkerRig;

BOOST_AUTO_TEST_SUITE(first_bytes)

BOOST_AUTO_TEST_CASE(they_go_with_the_last_segment_of_the_servers_handshake) {
    WorkerRig rig({.running = false});
    rig.add_server("a");
    const Fd early = rig.connect();
    test::send_all(early, "early");
    rig.worker().run();
    const Fd server_of_early = rig.accept("a");
    BOOST_TEST(test::receive(server_of_early, 5) == "early");

    const Fd late = rig.connect();
    const Fd server_of_late = rig.accept("a");
    test::send_all(late, "later");
    BOOST_TEST(test::receive(server_of_late, 5) == "later");
    BOOST_TEST(test::bare_segments(server_of_early.get()) + 1 ==
               test::bare_segments(server_of_late.get()));
}

BOOST_AUTO_TEST_CASE(a_server_that_speaks_first_is_not_kept_waiting) {
    WorkerRig rig;
    rig.add_server("a");
    const Fd client = rig.connect();
    const Fd server = rig.accept("a");
    test::send_all(server, "greeting");
    BOOST_TEST(test::receive(client, 8) == "greeting");
}

// A server without TCP_NODELAY sends its second piece when the first is acknowledged, which a
// kernel that takes this for a dialogue does after 40 ms. One faster try shows that the proxy does
// not wait for that; a busy machine may slow down the others.
BOOST_AUTO_TEST_CASE(a_first_answer_in_two_pieces_waits_for_no_delayed_acknowledgement) {
    WorkerRig rig(test::keyed_by_first_line());
    rig.add_server("a");
    constexpr std::chrono::milliseconds delayed{30};
    for (const bool client_ends : {false, true}) {
        proxy::Clock::duration fastest = 1h;
        for (int tries = 0; tries < 50 && fastest >= delayed; ++tries) {
            const Fd client = rig.connect();
            test::send_all(client, "key\n");
            if (client_ends) test::end_sending(client);
            const Fd server = rig.accept("a");
            BOOST_TEST(test::receive(server, client_ends ? 5 : 4) == "key\n");
            const auto begin = proxy::Clock::now();
            test::send_all(server, "one");
            test::send_all(server, "two");
            BOOST_TEST(test::receive(client, 6) == "onetwo");
            fastest = std::min(fastest, proxy::Clock::now() - begin);
        }
        BOOST_TEST((fastest < delayed));
    }
}

BOOST_AUTO_TEST_CASE(more_than_is_read_ahead_arrives_in_order_and_once) {
    WorkerRig rig({.running = false});
    rig.add_server("a");
    std::string sent(20'000, ' ');
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i % 251);
    const Fd client = rig.connect();
    test::send_all(client, sent);
    test::end_sending(client);
    rig.worker().run();
    const Fd server = rig.accept("a");
    BOOST_TEST((test::receive_to_end(server).bytes == sent));
}

BOOST_AUTO_TEST_CASE(an_urgent_byte_among_them_keeps_its_place) {
    WorkerRig rig({.running = false});
    rig.add_server("a");
    const Fd client = rig.connect();
    BOOST_REQUIRE(::send(client.get(), "!", 1, MSG_OOB | MSG_NOSIGNAL) == 1);
    test::send_all(client, "rest");
    rig.worker().run();
    const Fd server = rig.accept("a");
    BOOST_TEST(test::receive(server, 5) == "!rest");
}

BOOST_AUTO_TEST_CASE(a_client_that_has_ended_already_still_gets_its_answer) {
    WorkerRig rig({.running = false});
    rig.add_server("a");
    const Fd client = rig.connect();
    test::end_sending(client);
    rig.worker().run();
    const Fd server = rig.accept("a");
    BOOST_TEST(test::receive_to_end(server).error == 0);
    test::send_all(server, "answer");
    test::end_sending(server);
    BOOST_TEST(test::receive_to_end(client).bytes == "answer");
    BOOST_TEST(rig.ended("done"));
}

BOOST_AUTO_TEST_CASE(a_client_that_broke_off_already_reaches_no_server) {
    WorkerRig rig({.running = false});
    rig.add_server("a");
    Fd client = rig.connect();
    test::send_all(client, "question");
    client.close_with_reset();
    rig.worker().run();
    BOOST_TEST(rig.ended("client_left"));
    BOOST_TEST(rig.is_idle());
    BOOST_TEST(!rig.was_dialled("a"));
    BOOST_TEST(rig.count("a", &ServerCounts::total) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
