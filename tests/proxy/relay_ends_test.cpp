// Bytes and the end of their stream that a relay finds at once.
#include <poll.h>
#include <sys/socket.h>

#include <memory>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "proxy/data/relay.h"
#include "tests/proxy/relay_bench.h"
#include "tests/support/sockets.h"

using namespace ringway;
using test::RelayBench;
using test::RelaySession;

namespace {

// Waits for the end of what comes to `socket`.
bool has_end(int socket) {
    pollfd one{.fd = socket, .events = POLLRDHUP, .revents = 0};
    return ::poll(&one, 1, -1) == 1;
}

struct Fixture {
    RelayBench bench;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(relay_ends, Fixture)

BOOST_AUTO_TEST_CASE(an_announced_end_after_urgent_bytes_loses_none_behind_them) {
    RelaySession session(bench);
    while (bench.poll()) continue;
    session.send(session.client, "before");
    BOOST_TEST(::send(session.client.get(), "!", 1, MSG_OOB) == 1);
    session.send(session.client, "after");
    test::end_sending(session.client);
    BOOST_TEST(has_end(session.relay().client().stream.descriptor()));
    const auto received = session.receive_to_end(session.server);
    BOOST_TEST(received.bytes == "before!after");
    BOOST_TEST(received.error == 0);
}

// As many events at once as go through a batch, where there is one.
BOOST_AUTO_TEST_CASE(last_bytes_and_ends_of_many_streams_at_once) {
    std::vector<std::unique_ptr<RelaySession>> sessions;
    for (int i = 0; i < 20; ++i) sessions.push_back(std::make_unique<RelaySession>(bench));
    while (bench.poll()) continue;
    for (auto& session : sessions) {
        session->send(session->server, "answer");
        test::end_sending(session->server);
        BOOST_TEST(has_end(session->relay().server().stream.descriptor()));
    }
    for (auto& session : sessions) {
        BOOST_TEST(session->receive_to_end(session->client).bytes == "answer");
        test::end_sending(session->client);
    }
    for (auto& session : sessions) {
        BOOST_TEST(session->turn_until_ended());
        BOOST_TEST(session->receive_to_end(session->server).error == 0);
        BOOST_TEST(session->relay().bytes_down() == 6U);
    }
}

BOOST_AUTO_TEST_SUITE_END()
