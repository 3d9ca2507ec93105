// Keys from connection requests of RDP, sound, broken, and cut anywhere.
#include "proxy/keys/rdp_request.h"

#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/keys/answers.h"
#include "tests/proxy/keys/tls_bytes.h"

using namespace ringway;
using namespace std::string_literals;
using namespace ringway::test;

namespace {

const KeyPart cookie{.from = From::rdp_cookie};

std::string request(const std::string& rest, char type = '\xe0') {
    const auto body = type + "\0\0\0\0\0"s + rest;
    return "\3\0"s + number(2, body.size() + 5) + static_cast<char>(body.size()) + body;
}

// RDP_NEG_REQ: TLS, CredSSP and more.
const std::string negotiation = "\x01\x00\x08\x00\x0b\x00\x00\x00"s;

}  // namespace

BOOST_AUTO_TEST_SUITE(rdp_request)

BOOST_AUTO_TEST_CASE(the_cookie_is_found_with_and_without_what_follows) {
    const auto bytes = request("Cookie: mstshash=eltons\r\n" + negotiation);
    BOOST_TEST(however_cut(cookie, bytes) == found("eltons"));
    BOOST_TEST(however_cut(cookie, bytes + "more") == found("eltons"));
    BOOST_TEST(whole(cookie, request("Cookie: mstshash=eltons\r\n")) == found("eltons"));
    BOOST_TEST(whole(cookie, request("Cookie: mstshash=CORP\\ann\r\n")) == found("CORP\\ann"));
    BOOST_TEST(whole(cookie, request("Cookie: mstshash=a\rb\nc\xff\r\n")) == found("a\rb\nc\xff"));
    // The lower half of the type is credit.
    BOOST_TEST(whole(cookie, request("Cookie: mstshash=a\r\n", '\xe5')) == found("a"));
}

// The bytes of the example in MS-RDPBCGR, 4.1.1.
BOOST_AUTO_TEST_CASE(the_specifications_example_is_read) {
    const auto bytes =
        "\x03\x00\x00\x2c\x27\xe0\x00\x00\x00\x00\x00\x43\x6f\x6f\x6b\x69\x65\x3a\x20\x6d\x73\x74"
        "\x73\x68\x61\x73\x68\x3d\x65\x6c\x74\x6f\x6e\x73\x0d\x0a\x01\x00\x08\x00\x00\x00\x00\x00"s;
    BOOST_TEST(however_cut(cookie, bytes) == found("eltons"));
}

BOOST_AUTO_TEST_CASE(routing_tokens_and_nothing_at_all_are_missing) {
    BOOST_TEST(however_cut(cookie, request("")) == missing);
    BOOST_TEST(however_cut(cookie, request(negotiation)) == missing);
    BOOST_TEST(however_cut(cookie, request("Cookie: msts=3640205228.15629.0000\r\n" +
                                           negotiation)) == missing);
    BOOST_TEST(whole(cookie, request("tsv://MS Terminal Services Plugin.1.Sessions\r\n")) ==
               missing);
    BOOST_TEST(whole(cookie, request("Cookie: mstshash=\r\n" + negotiation)) == missing);
    BOOST_TEST(whole(cookie, request("cookie: mstshash=a\r\n")) == missing);
}

BOOST_AUTO_TEST_CASE(what_is_no_connection_request_is_malformed) {
    BOOST_TEST(however_cut(cookie, "GET / HTTP/1.1\r\n\r\n") == malformed);
    BOOST_TEST(whole(cookie, "\x16\x03\x01"s) == malformed);
    BOOST_TEST(however_cut(cookie, request("Cookie: mstshash=a\r\n", '\xd0')) == malformed);
    BOOST_TEST(however_cut(cookie, request("Cookie: mstshash=eltons")) == malformed);
    BOOST_TEST(whole(cookie, request("Cookie: mstshash=eltons\r")) == malformed);
    BOOST_TEST(whole(cookie, "") == refused(ParseStatus::more));
}

BOOST_AUTO_TEST_CASE(both_lengths_say_the_same) {
    const auto bytes = request("Cookie: mstshash=eltons\r\n");
    for (const std::size_t place : {2u, 3u, 4u}) {
        for (const int change : {-1, 1}) {
            auto wrong = bytes;
            wrong[place] = static_cast<char>(wrong[place] + change);
            BOOST_TEST(however_cut(cookie, wrong + std::string(300, 'x')) == malformed);
        }
    }
    for (std::size_t size = 0; size < 11; ++size) {
        const auto length = static_cast<char>(size < 5 ? 0 : size - 5);
        BOOST_TEST(however_cut(cookie, "\3\0\0"s + static_cast<char>(size) + length +
                                           std::string(20, '\xe0')) == malformed);
    }
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        BOOST_TEST(whole(cookie, bytes.substr(0, size)) == refused(ParseStatus::more));
    }
}

BOOST_AUTO_TEST_SUITE_END()
