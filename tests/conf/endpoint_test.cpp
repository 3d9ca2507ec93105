#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "conf/config.h"

using ringway::conf::Endpoint;

BOOST_AUTO_TEST_SUITE(endpoint)

BOOST_AUTO_TEST_CASE(addresses_are_spelled_canonically) {
    const std::vector<std::pair<std::string_view, std::string_view>> cases{
        {"192.0.2.1:80", "192.0.2.1:80"},
        {"0.0.0.0:1", "0.0.0.0:1"},
        {"255.255.255.255:65535", "255.255.255.255:65535"},
        {"[::]:6379", "[::]:6379"},
        {"[2001:DB8:0:0:0:0:0:1]:80", "[2001:db8::1]:80"},
        {"[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.1]:80"},
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
    for (const auto text : {""sv,
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

BOOST_AUTO_TEST_SUITE_END()
