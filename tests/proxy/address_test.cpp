#include "proxy/net/address.h"

#include <fcntl.h>

#include <algorithm>
#include <string>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "proxy/base/fd.h"
#include "tests/support/sockets.h"

using namespace ringway;
using namespace std::string_literals;
using proxy::Fd;
using proxy::SocketAddress;

namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

Fd some_descriptor() {
    return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(address)

BOOST_AUTO_TEST_CASE(an_endpoint_survives_the_way_through_a_sockaddr) {
    for (const auto* text : {"192.0.2.1:80", "0.0.0.0:65535", "[2001:db8::1]:443", "[::1]:1"}) {
        const conf::Endpoint before = test::endpoint(text);
        const SocketAddress address(before);
        BOOST_TEST(proxy::to_endpoint(address).to_string() == text);
        BOOST_TEST(address.any.sa_family == (before.is_v6 ? AF_INET6 : AF_INET));
        BOOST_TEST(address.size == (before.is_v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in)));
    }
}

BOOST_AUTO_TEST_CASE(a_mapped_v4_address_is_the_v4_address) {
    const SocketAddress mapped(test::endpoint("[::ffff:192.0.2.1]:80"));
    BOOST_TEST(proxy::to_endpoint(mapped).to_string() == "192.0.2.1:80");
    const SocketAddress not_mapped(test::endpoint("[::fffe:c000:201]:80"));
    BOOST_TEST(proxy::to_endpoint(not_mapped).is_v6);
    const auto v4 = test::endpoint("192.0.2.1:80");
    BOOST_TEST(proxy::mapped(v4).to_string() == "[::ffff:192.0.2.1]:80");
    BOOST_TEST((proxy::unmapped(proxy::mapped(v4)) == v4));
    const auto v6 = test::endpoint("[2001:db8::1]:80");
    BOOST_TEST((proxy::mapped(v6) == v6));
    BOOST_TEST((proxy::unmapped(v6) == v6));
}

BOOST_AUTO_TEST_CASE(a_unix_socket_is_its_path_its_abstract_name_or_nothing) {
    for (const std::size_t length : {std::size_t{2}, std::size_t{107}}) {
        const auto before = test::endpoint("unix:/" + std::string(length - 1, 'x'));
        BOOST_TEST((proxy::to_endpoint(SocketAddress(before)) == before));
    }
    SocketAddress nameless;
    nameless.local.sun_family = AF_UNIX;
    nameless.size = sizeof(sa_family_t);
    BOOST_TEST(proxy::to_endpoint(nameless).to_string() == "unix:");
    for (const std::string& name : {"\0name"s, "\0inner\0nul\0"s, "\0"s}) {
        SocketAddress abstract;
        abstract.local.sun_family = AF_UNIX;
        std::ranges::copy(name, abstract.local.sun_path);
        abstract.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        BOOST_TEST(proxy::to_endpoint(abstract).path == name);
    }
    SocketAddress full;  // the kernel allows a path without its NUL
    full.local.sun_family = AF_UNIX;
    std::ranges::fill(full.local.sun_path, 'x');
    BOOST_TEST(proxy::to_endpoint(full).path == std::string(sizeof full.local.sun_path, 'x'));
}

BOOST_AUTO_TEST_CASE(a_mask_clears_all_but_the_leading_bits) {
    const auto v4 = test::endpoint("255.255.255.255:1");
    BOOST_TEST(proxy::masked_address(v4, 32) == "255.255.255.255");
    BOOST_TEST(proxy::masked_address(v4, 17) == "255.255.128.0");
    BOOST_TEST(proxy::masked_address(v4, 8) == "255.0.0.0");
    const auto v6 = test::endpoint("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:1");
    BOOST_TEST(proxy::masked_address(v6, 128) == "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    BOOST_TEST(proxy::masked_address(v6, 49) == "ffff:ffff:ffff:8000::");
    BOOST_TEST(proxy::masked_address(v6, 1) == "8000::");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(fd)

BOOST_AUTO_TEST_CASE(a_descriptor_is_closed_with_its_owner) {
    int number = -1;
    {
        const Fd owner = some_descriptor();
        number = owner.get();
        BOOST_TEST(is_open(number));
    }
    BOOST_TEST(!is_open(number));
}

BOOST_AUTO_TEST_CASE(moving_hands_the_descriptor_over_and_closes_what_was_there) {
    Fd first = some_descriptor();
    Fd second = some_descriptor();
    const int kept = first.get();
    const int closed = second.get();
    second = std::move(first);
    BOOST_TEST(second.get() == kept);
    BOOST_TEST(is_open(kept));
    BOOST_TEST(!is_open(closed));
    Fd& itself = second;
    second = std::move(itself);
    BOOST_TEST(is_open(kept));
    const Fd released(second.release());
    BOOST_TEST(!second);
    BOOST_TEST(is_open(kept));
}

BOOST_AUTO_TEST_CASE(a_close_is_a_clean_end_and_a_close_with_reset_is_not) {
    auto clean = test::tcp_pair();
    clean.near.close();
    BOOST_TEST(test::receive_to_end(clean.far).error == 0);
    auto broken = test::tcp_pair();
    broken.near.close_with_reset();
    BOOST_TEST(test::was_reset(test::receive_to_end(broken.far)));
    BOOST_TEST(!broken.near);
}

BOOST_AUTO_TEST_SUITE_END()
