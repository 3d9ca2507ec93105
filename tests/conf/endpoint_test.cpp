#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "conf/config.h"

using ringway::conf::Endpoint;
using ringway::conf::Network;

BOOST_AUTO_TEST_SUITE(endpoint)

BOOST_AUTO_TEST_CASE(addresses_are_spelled_canonically) {
    const std::vector<std::pair<std::string_view, std::string_view>> cases{
        {"192.0.2.1:80", "192.0.2.1:80"},
        {"0.0.0.0:1", "0.0.0.0:1"},
        {"255.255.255.255:65535", "255.255.255.255:65535"},
        {"[::]:6379", "[::]:6379"},
        {"[2001:DB8:0:0:0:0:0:1]:80", "[2001:db8::1]:80"},
        {"[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.1]:80"},
        {"unix:/run/a b.sock", "unix:/run/a b.sock"},
    };
    for (const auto& [text, spelled] : cases) {
        const auto parsed = Endpoint::parse(text);
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST_REQUIRE(parsed.has_value());
            BOOST_TEST(parsed->to_string() == spelled);
            BOOST_TEST((Endpoint::parse(spelled) == parsed));
        }
    }
}

BOOST_AUTO_TEST_CASE(bytes_are_in_network_order) {
    const auto v4 = Endpoint::parse("192.0.2.1:258");
    BOOST_TEST_REQUIRE(v4.has_value());
    BOOST_TEST(!v4->is_v6);
    BOOST_TEST(v4->address[0] == 192);
    BOOST_TEST(v4->address[3] == 1);
    BOOST_TEST(v4->port == 258);
    const auto v6 = Endpoint::parse("[2001:db8::1]:258");
    BOOST_TEST_REQUIRE(v6.has_value());
    BOOST_TEST(v6->is_v6);
    BOOST_TEST(v6->address[0] == 0x20);
    BOOST_TEST(v6->address[15] == 1);
}

BOOST_AUTO_TEST_CASE(anything_else_is_refused) {
    using namespace std::string_view_literals;
    const std::string long_path = "unix:/" + std::string(107, 'x');
    for (const auto text : {""sv,
                            "unix:"sv,
                            "unix:run/x"sv,
                            "unix:/run/\x01"sv,
                            "unix:/run\0/x"sv,
                            std::string_view(long_path),
                            ":"sv,
                            ":80"sv,
                            "1.2.3.4"sv,
                            "1.2.3.4:"sv,
                            "1.2.3.4:0"sv,
                            "1.2.3.4:65536"sv,
                            "1.2.3.4:080"sv,
                            "1.2.3.4:+80"sv,
                            "1.2.3.4:-80"sv,
                            "1.2.3.4: 80"sv,
                            "1.2.3.4:80 "sv,
                            "1.2.3:80"sv,
                            "1.2.3.04:80"sv,
                            "256.1.1.1:80"sv,
                            "localhost:80"sv,
                            "::1:80"sv,
                            "[::1]"sv,
                            "[::1:80"sv,
                            "::1]:80"sv,
                            "[]:80"sv,
                            "[1.2.3.4]:80"sv,
                            "[fe80::1%lo]:80"sv,
                            "[::g]:80"sv,
                            "1.2.3.4\0x:80"sv,
                            "1.2.3.4:80\0"sv,
                            "[:80"sv,
                            "1.2.3.4:99999999999"sv}) {
        BOOST_TEST_CONTEXT(text) {
            BOOST_TEST(!Endpoint::parse(text).has_value());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_network_holds_the_addresses_that_share_its_prefix) {
    const auto contains = [](std::string_view network, std::string_view address) {
        return Network::parse(network).value().contains(Endpoint::parse(address).value());
    };
    BOOST_TEST(contains("10.0.0.0/8", "10.255.0.1:80"));
    BOOST_TEST(!contains("10.0.0.0/8", "11.0.0.1:80"));
    BOOST_TEST(contains("192.0.2.128/25", "192.0.2.128:80"));
    BOOST_TEST(!contains("192.0.2.128/25", "192.0.2.127:80"));
    BOOST_TEST(contains("192.0.2.1", "192.0.2.1:80"));
    BOOST_TEST(!contains("192.0.2.1", "192.0.2.2:80"));
    BOOST_TEST(contains("0.0.0.0/0", "255.255.255.255:80"));
    BOOST_TEST(!contains("0.0.0.0/0", "[::]:80"));
    BOOST_TEST(contains("2001:db8::/33", "[2001:db8:7fff::1]:80"));
    BOOST_TEST(!contains("2001:db8::/33", "[2001:db8:8000::1]:80"));
    BOOST_TEST(!contains("0.0.0.0/0", "unix:/run/x"));
}

BOOST_AUTO_TEST_CASE(a_network_has_no_bits_beyond_its_prefix) {
    for (const std::string_view text :
         {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.1/8",
          "10.0.0/8", "::/129", "2001:db8::1/64", "[::1]", "10.0.0.0/8/8", "localhost"}) {
        BOOST_TEST(!Network::parse(text), text);
    }
}

BOOST_AUTO_TEST_SUITE_END()
