#include "proxy/data/dialing.h"

#include <sys/socket.h>

#include <string>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/syscalls.h"
#include "tests/proxy/worker_rig.h"
#include "tests/support/sockets.h"

using namespace ringway;
using proxy::Fd;
using proxy::Stream;
using test::WorkerRig;

namespace {

// A stream from a port that the kernel chose, connected to itself.
Stream self_connected() {
    Fd socket = test::bound_socket();
    const proxy::SocketAddress own(test::local_endpoint(socket));
    BOOST_REQUIRE(::connect(socket.get(), &own.any, own.size) == 0);
    return Stream(std::move(socket));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dialing)

BOOST_AUTO_TEST_CASE(a_self_connected_socket_is_distinguished_from_a_connection) {
    const Stream stream = self_connected();
    BOOST_TEST(proxy::met_itself(stream, *proxy::local_address(stream)));
    const Fd listening = test::listening_socket();
    const Stream dialled(test::connected_socket(test::local_endpoint(listening)));
    BOOST_TEST(!proxy::met_itself(dialled, test::local_endpoint(listening)));
}

BOOST_AUTO_TEST_CASE(a_server_at_a_wildcard_is_found_out_too) {
    const Stream stream = self_connected();
    const auto port = proxy::local_address(stream)->port;
    BOOST_TEST(proxy::met_itself(stream, test::endpoint("0.0.0.0:" + std::to_string(port))));
    BOOST_TEST(proxy::met_itself(stream, test::endpoint("[::]:" + std::to_string(port))));
}

BOOST_AUTO_TEST_CASE(a_socket_towards_a_server_has_urgent_bytes_in_place_from_the_beginning) {
    const Fd listening = test::listening_socket();
    const Stream stream = proxy::begin_connect(test::local_endpoint(listening), {}, true);
    int value = 0;
    socklen_t size = sizeof value;
    BOOST_TEST(::getsockopt(stream.descriptor(), SOL_SOCKET, SO_OOBINLINE, &value, &size) == 0);
    BOOST_TEST(value == 1);
}

// The first of two urgent bytes is lost to a reader that asks only then to have them in place.
BOOST_AUTO_TEST_CASE(urgent_bytes_of_a_server_keep_their_places_however_late_they_are_noticed) {
    WorkerRig rig;
    rig.add_server("a");
    const Fd client = rig.connect();
    const Fd server = rig.accept("a");
    test::send_all(client, "x");
    BOOST_TEST(test::receive(server, 1) == "x");
    test::syscalls::events_held = true;
    for (const auto* byte : {"!", "?"}) {
        BOOST_TEST(::send(server.get(), byte, 1, MSG_OOB | MSG_NOSIGNAL) == 1);
        test::await_delivery(server);
    }
    test::send_all(server, "rest");
    test::end_sending(server);
    test::await_delivery(server);
    test::syscalls::events_held = false;
    const auto received = test::receive_to_end(client);
    BOOST_TEST(received.bytes == "!?rest");
    BOOST_TEST(received.error == 0);
}

BOOST_AUTO_TEST_SUITE_END()
