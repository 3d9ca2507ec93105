#include "health/answer_matcher.h"

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

using namespace ringway;
using health::AnswerMatcher;

namespace {

conf::HealthSettings expects(std::string bytes, bool anywhere = false) {
    conf::HealthSettings settings;
    settings.expect = std::move(bytes);
    settings.expect_anywhere = anywhere;
    return settings;
}

conf::HealthSettings asks(std::uint16_t least = 200, std::uint16_t greatest = 299) {
    conf::HealthSettings settings;
    settings.http.emplace();
    settings.http->least_status = least;
    settings.http->greatest_status = greatest;
    return settings;
}

// The result for an answer that arrives in pieces of `piece` bytes and then ends.
std::string result(const conf::HealthSettings& settings, std::string_view bytes,
                   std::size_t piece) {
    AnswerMatcher answer(settings);
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
        if (answer.read(bytes.substr(0, piece)) != AnswerMatcher::State::needs_bytes) break;
    }
    return answer.end() == AnswerMatcher::State::good ? "ok" : answer.result();
}

// The same, however the answer is cut into pieces.
void check(const conf::HealthSettings& settings, std::string_view bytes,
           std::string_view expected) {
    for (std::size_t piece = 1; piece <= bytes.size() + 1; ++piece) {
        BOOST_TEST(result(settings, bytes, piece) == expected, bytes << " by " << piece);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(answer)

BOOST_AUTO_TEST_CASE(an_answer_begins_with_what_is_expected) {
    check(expects("+PONG"), "+PONG\r\n", "ok");
    check(expects("+PONG"), "+PONG", "ok");
    check(expects("+PONG"), "-LOADING", "mismatch");
    check(expects("+PONG"), "x+PONG", "mismatch");
    check(expects("+PONG"), "+PON", "ended");
    check(expects("+PONG"), "", "ended");
    check(expects(std::string("\0\xff", 2)), std::string_view("\0\xff\0", 3), "ok");
}

BOOST_AUTO_TEST_CASE(an_answer_holds_what_is_expected_anywhere) {
    check(expects("role:master", true), "# Replication\r\nrole:master\r\n", "ok");
    check(expects("role:master", true), "role:slave\r\n", "ended");
    check(expects("aab", true), "aaaab", "ok");
    check(expects("a", true), "bbba", "ok");
}

BOOST_AUTO_TEST_CASE(what_is_found_anywhere_is_what_a_search_of_the_whole_finds) {
    std::mt19937 random(std::random_device{}());
    for (int round = 0; round < 2'000; ++round) {
        std::string text(random() % 60, 'a');
        for (char& c : text) c = random() % 3 == 0 ? 'b' : 'a';
        std::string wanted(1 + random() % 6, 'a');
        for (char& c : wanted) c = random() % 3 == 0 ? 'b' : 'a';
        const auto* const expected = text.find(wanted) != std::string::npos ? "ok" : "ended";
        const std::size_t piece = 1 + random() % 9;
        BOOST_TEST(result(expects(wanted, true), text, piece) == expected,
                   wanted << " in " << text << " by " << piece);
    }
}

BOOST_AUTO_TEST_CASE(a_flood_is_given_up) {
    const std::string flood(1 << 20, 'x');
    BOOST_TEST(result(expects("y", true), flood, 1'000) == "mismatch");
    const auto settings = expects("y", true);
    AnswerMatcher answer(settings);
    std::size_t read = 0;
    while (answer.read("xxxxxxxx") == AnswerMatcher::State::needs_bytes) read += 8;
    BOOST_TEST(read == AnswerMatcher::bytes_max);
}

BOOST_AUTO_TEST_CASE(a_status_passes_or_is_named) {
    check(asks(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "ok");
    check(asks(), "HTTP/1.0 204\r\n\r\n", "ok");
    check(asks(), "HTTP/1.1 503 Service Unavailable\r\n", "status 503");
    check(asks(200, 399), "HTTP/1.1 302 Found\r\n", "ok");
    check(asks(204, 204), "HTTP/1.1 200 OK\r\n", "status 200");
    check(asks(), "HTTP/1.1 2000 OK\r\n", "not HTTP");
    check(asks(), "HTTP/2 200 OK\r\n", "not HTTP");
    check(asks(), "SSH-2.0-OpenSSH\r\n", "not HTTP");
    check(asks(), "HTTP/1.1 200", "ended");
}

// RFC 9110, section 15.2
BOOST_AUTO_TEST_CASE(interim_answers_come_before_the_one_that_decides) {
    const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const std::string hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX: HTTP/1.1 500\r\n\r\n";
    const std::string ok = "HTTP/1.1 200 OK\r\n\r\n";
    check(asks(), go_on + ok, "ok");
    check(asks(), "HTTP/1.1 100\r\n\r\n" + ok, "ok");
    check(asks(), "HTTP/1.1 100\n\n" + ok, "ok");
    check(asks(), go_on + hints + go_on + "HTTP/1.1 503 No\r\n\r\n", "status 503");
    check(asks(100, 599), go_on + ok, "ok");
    check(asks(100, 599), go_on, "ended");
    check(asks(), hints, "ended");
    check(asks(), go_on + "SSH-2.0\r\n", "not HTTP");
    // What follows is another protocol.
    check(asks(), "HTTP/1.1 101 Switching Protocols\r\n\r\n", "status 101");
    check(asks(101, 101), "HTTP/1.1 101 Switching Protocols\r\n\r\n", "ok");
}

BOOST_AUTO_TEST_CASE(interim_answers_without_end_are_given_up) {
    const auto settings = asks();
    std::string flood;
    while (flood.size() < 2 * AnswerMatcher::bytes_max) flood += "HTTP/1.1 102 Processing\r\n\r\n";
    BOOST_TEST(result(settings, flood, 1'000) == "too long");
    flood = "HTTP/1.1 102 Processing\r\nX: " + std::string(2 * AnswerMatcher::bytes_max, 'x');
    BOOST_TEST(result(settings, flood, 1'000) == "too long");
}

BOOST_AUTO_TEST_CASE(a_request_names_the_host_or_the_address) {
    const auto address = *conf::Endpoint::parse("192.0.2.1:8080");
    auto settings = asks();
    settings.http->method = "HEAD";
    settings.http->path = "/up?x";
    BOOST_TEST(health::request_of(settings, address) ==
               "HEAD /up?x HTTP/1.1\r\nHost: 192.0.2.1:8080\r\nUser-Agent: ringway\r\n"
               "Accept: */*\r\nConnection: close\r\n\r\n");
    settings.http->host = "a.example";
    BOOST_TEST(health::request_of(settings, address).find("Host: a.example\r\n") !=
               std::string::npos);
    BOOST_TEST(health::request_of(expects("x"), address).empty());
    BOOST_TEST(!health::has_exchange({}));
}

BOOST_AUTO_TEST_CASE(a_mismatch_is_told_for_people) {
    const auto settings = expects("+PONG");
    AnswerMatcher answer(settings);
    answer.read("-ERR\n");
    BOOST_TEST(answer.detail() == R"(answer: mismatch, found "-ERR\x0a")");
}

BOOST_AUTO_TEST_SUITE_END()
