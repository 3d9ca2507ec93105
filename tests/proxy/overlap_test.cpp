// Addresses as the kernel compares them: each pair is bound, and clients come.
#include "conf/overlap.h"

#include <sys/socket.h>

#include <array>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "proxy/net/listen_sockets.h"
#include "tests/support/sockets.h"

using namespace ringway;
using proxy::Fd;

namespace {

// Other processes' connections may use any port for a moment: a real conflict is refused at each of
// several ports.
constexpr int tries = 5;

conf::Endpoint at(const std::string& host, std::uint16_t port) {
    return test::endpoint(host + ":" + std::to_string(port));
}

// The hosts that this machine can listen on.
std::vector<std::string> hosts() {
    std::vector<std::string> all{"0.0.0.0", "127.0.0.1", "127.0.0.2"};
    for (const auto* host :
         {"[::]", "[::1]", "[::ffff:0.0.0.0]", "[::ffff:127.0.0.1]", "[::ffff:127.0.0.2]"}) {
        const test::ReservedPort port;
        const auto where = at(host, port.endpoint().port);
        if (proxy::open_listen_sockets(where, 1)) all.emplace_back(host);
    }
    return all;
}

Fd listening_alone(const conf::Endpoint& where) {
    const proxy::SocketAddress address(where);
    Fd fd(::socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const int off = 0;
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (::bind(fd.get(), &address.any, address.size) != 0) fd.close();
    if (fd) test::start_listening(fd);
    return fd;
}

// The clients that wait in the queue of a socket.
std::size_t clients_of(const Fd& socket) {
    std::size_t count = 0;
    while (Fd(::accept4(socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC))) ++count;
    return count;
}

void connect_a_few(std::uint16_t port) {
    for (const auto* host : {"127.0.0.1", "127.0.0.2", "127.0.0.3", "[::1]"}) {
        const proxy::SocketAddress to(at(host, port));
        for (int i = 0; i < 8; ++i) {
            const Fd client(::socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
            ::connect(client.get(), &to.any, to.size);  // refused without a listener
        }
    }
}

// Where the first is opened before the second.
bool both_get_clients(const std::string& first, const std::string& second) {
    for (int i = 0; i < tries; ++i) {
        const test::ReservedPort port;
        const auto one = proxy::open_listen_sockets(at(first, port.endpoint().port), 1);
        const auto two = proxy::open_listen_sockets(at(second, port.endpoint().port), 1);
        if (!one || !two) continue;
        connect_a_few(port.endpoint().port);
        return clients_of(one->sockets.front()) > 0 && clients_of(two->sockets.front()) > 0;
    }
    BOOST_ERROR(first << " and " << second << " cannot be opened");
    return false;
}

// Whether `second` cannot be listened on exclusively while another socket listens on `first`.
bool is_refused(const std::string& first, const std::string& second) {
    for (int i = 0; i < tries; ++i) {
        const test::ReservedPort port;
        const Fd one = listening_alone(at(first, port.endpoint().port));
        if (one && listening_alone(at(second, port.endpoint().port))) return false;
    }
    return true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(overlap)

BOOST_AUTO_TEST_CASE(what_overlaps_is_what_the_kernel_refuses_to_bind) {
    for (const auto& a : hosts()) {
        for (const auto& b : hosts()) {
            BOOST_TEST_CONTEXT(a << " and " << b) {
                BOOST_TEST(conf::overlap(at(a, 1), at(b, 1)) == is_refused(a, b));
                BOOST_TEST(!conf::overlap(at(a, 1), at(b, 2)));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(what_shadows_is_what_gets_no_client) {
    for (const auto& a : hosts()) {
        for (const auto& b : hosts()) {
            if (a == b) continue;  // shared by a hash: two listeners would be one
            const bool both = both_get_clients(a, b) && both_get_clients(b, a);
            BOOST_TEST_CONTEXT(a << " and " << b) {
                BOOST_TEST(conf::shadow(at(a, 1), at(b, 1)) == !both);
            }
        }
    }
    BOOST_TEST(conf::shadow(at("0.0.0.0", 1), at("0.0.0.0", 1)));
}

BOOST_AUTO_TEST_CASE(paths_are_compared_without_what_leads_nowhere) {
    const auto overlaps = [](const std::string& a, const std::string& b) {
        return conf::overlap({.is_unix = true, .path = a}, {.is_unix = true, .path = b});
    };
    BOOST_TEST(overlaps("/run/x.sock", "/run//x.sock"));
    BOOST_TEST(overlaps("/run/x.sock", "/./run/./x.sock"));
    BOOST_TEST(overlaps("/run/x.sock", "/run/y/../x.sock"));
    BOOST_TEST(!overlaps("/run/x.sock", "/run/y.sock"));
    BOOST_TEST(!conf::overlap({.is_unix = true, .path = "/run/x"}, at("0.0.0.0", 1)));
    BOOST_TEST(test::endpoint("unix:/run//./x.sock").to_string() == "unix:/run/x.sock");
    BOOST_TEST(test::endpoint("unix:/run/../x").to_string() == "unix:/run/../x");
}

// As Documentation/networking/proc_net_tcp.rst has them.
BOOST_AUTO_TEST_CASE(the_kernels_list_is_understood) {
    const auto parsed = proxy::parse_listening_socket(
        "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0"
        "        0 54165785 1 ffff8800 100 0 0 10 0");
    BOOST_REQUIRE(parsed.has_value());
    BOOST_TEST(parsed->address.to_string() == "127.0.0.1:8080");
    BOOST_TEST(parsed->inode == 54'165'785u);
    const auto v6 = proxy::parse_listening_socket(
        "   0: 0000000000000000FFFF00000200007F:0050 00000000000000000000000000000000:0000 0A "
        "00000000:00000000 00:00000000 00000000  1000        0 7 1 0000 100 0 0 10 0");
    BOOST_REQUIRE(v6.has_value());
    BOOST_TEST(v6->address.to_string() == "[::ffff:127.0.0.2]:80");
    for (const auto* line :
         {"", "  sl  local_address rem_address   st",
          "   1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 0 0 0 1 1",
          "   1: 0100007:1F90 00000000:0000 0A 0:0 0:0 0 0 0 1 1",
          "   1: 0100007F:1F9000 00000000:0000 0A 0:0 0:0 0 0 0 1 1",
          "   1: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0"}) {
        BOOST_TEST(!proxy::parse_listening_socket(line).has_value());
    }
}

BOOST_AUTO_TEST_SUITE_END()
