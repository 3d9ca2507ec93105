// Keys from HTTP heads: headers, cookies, targets.
#include "proxy/keys/http_head.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/keys/answers.h"
#include "tests/support/random.h"

using namespace ringway;
using namespace std::string_literals;
using test::Answer;
using test::found;
using test::From;
using test::however_cut;
using test::KeyPart;
using test::ParseStatus;
using test::refused;
using test::whole;

namespace {

const KeyPart target{.from = From::target};

KeyPart header(std::string name) {
    return {.from = From::header, .name = std::move(name)};
}
KeyPart cookie(std::string name) {
    return {.from = From::cookie, .name = std::move(name)};
}

// What an origin server would take for the header's value, by another way: line
// by line over the whole head.
Answer header_by_lines(std::string_view wanted, std::string_view bytes) {
    std::string_view rest = bytes;
    const auto lower = [](std::string text) {
        for (char& c : text) {
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        }
        return text;
    };
    for (int number = 0;; ++number) {
        const auto newline = rest.find('\n');
        if (newline == std::string_view::npos) break;
        std::string line(rest.substr(0, newline));
        rest.remove_prefix(newline + 1);
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (number == 0 && line.empty()) number = -1;  // not the request line
        if (number <= 0) continue;
        if (line.empty()) return refused(ParseStatus::missing);
        const auto colon = line.find(':');
        const auto name = line.substr(0, colon);
        if (colon == std::string::npos || name.empty()) return refused(ParseStatus::malformed);
        if (name.find_first_of(" \t") != std::string::npos) return refused(ParseStatus::malformed);
        if (lower(name) != lower(std::string(wanted))) continue;
        std::string value = line.substr(colon + 1);
        while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.erase(0, 1);
        while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.pop_back();
        return found(value);
    }
    return refused(ParseStatus::more);
}

// Heads that are sound, broken and cut off, put together from pieces.
std::string random_head(test::SeededRandom& random) {
    static const std::vector<std::string> pieces{"GET / HTTP/1.1",
                                                 "\r\n",
                                                 "\n",
                                                 "\r",
                                                 "X-User",
                                                 "x-uSeR",
                                                 ": ",
                                                 ":",
                                                 " ",
                                                 "\t",
                                                 "ann",
                                                 "\0"s,
                                                 "\xff",
                                                 "Host",
                                                 "\r\n",
                                                 "\r\n\r\n",
                                                 "X-Users"};
    std::string head;
    if (!random.one_in(4)) head = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t left = random.below(24); left > 0; --left) {
        head += pieces[random.below(pieces.size())];
    }
    return head;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(http_head)

BOOST_AUTO_TEST_CASE(a_header_is_found_by_its_name_in_any_case) {
    const auto settings = header("X-User");
    BOOST_TEST(whole(settings, "GET / HTTP/1.1\r\nHost: a\r\nx-uSER: ann\r\n") == found("ann"));
    BOOST_TEST(whole(settings, "GET / HTTP/1.1\nX-User:ann\n") == found("ann"));
    BOOST_TEST(whole(settings, "GET / HTTP/1.1\nX-Users: bob\nX-User: ann\n") == found("ann"));
    BOOST_TEST(whole(settings, "X-User: request line\nX-User: ann\n") == found("ann"));
}

BOOST_AUTO_TEST_CASE(white_space_around_a_value_is_no_part_of_it) {
    const auto settings = header("X-User");
    BOOST_TEST(whole(settings, "GET /\nX-User: \t ann lee\t \r\n") == found("ann lee"));
    BOOST_TEST(whole(settings, "GET /\nX-User: a:b\n") == found("a:b"));
    BOOST_TEST(whole(settings, "GET /\nX-User:\r\n") == found(""));
    BOOST_TEST(whole(settings, "GET /\nX-User: \xff\x1b\0\n"s) == found("\xff\x1b\0"s));
}

BOOST_AUTO_TEST_CASE(the_first_of_several_headers_counts) {
    BOOST_TEST(whole(header("a"), "GET /\na: 1\na: 2\n\n") == found("1"));
}

BOOST_AUTO_TEST_CASE(a_head_that_ends_without_the_header_misses_it) {
    const auto settings = header("X-User");
    BOOST_TEST(whole(settings, "GET /\r\nHost: a\r\n\r\nX-User: b\r\n") ==
               refused(ParseStatus::missing));
    BOOST_TEST(whole(settings, "GET /\n\n") == refused(ParseStatus::missing));
}

// RFC 9112, 2.2: left behind by clients that end a body with a line break.
BOOST_AUTO_TEST_CASE(empty_lines_before_the_request_line_are_skipped) {
    const auto settings = header("X-User");
    BOOST_TEST(whole(settings, "\r\nGET /\r\nX-User: ann\r\n") == found("ann"));
    BOOST_TEST(whole(settings, "\n\r\n\nGET /\r\nX-User: ann\r\n") == found("ann"));
    BOOST_TEST(whole(settings, "\r\nGET /\r\n\r\nX-User: ann\r\n") ==
               refused(ParseStatus::missing));
    BOOST_TEST(whole(settings, "\r\n\r\n") == refused(ParseStatus::more));
    BOOST_TEST(whole(cookie("sid"), "\r\nGET /\r\nCookie: sid=1\r\n") == found("1"));
    BOOST_TEST(whole(target, "\r\nGET /a HTTP/1.1\r\n") == found("/a"));
    BOOST_TEST(whole(target, "\r\n GET /a HTTP/1.1\r\n") == refused(ParseStatus::malformed));
}

BOOST_AUTO_TEST_CASE(what_is_no_head_is_malformed) {
    const auto settings = header("X-User");
    BOOST_TEST(whole(settings, "GET /\nno colon\n") == refused(ParseStatus::malformed));
    BOOST_TEST(whole(settings, "GET /\n: no name\n") == refused(ParseStatus::malformed));
}

// RFC 9112, 5.1: an origin server that is lax here would see a header that we
// did not, and serve a client that was placed by another key.
BOOST_AUTO_TEST_CASE(white_space_before_the_colon_is_malformed) {
    const auto settings = header("X-User");
    BOOST_TEST(whole(settings, "GET /\nX-User : ann\n\n") == refused(ParseStatus::malformed));
    BOOST_TEST(whole(settings, "GET /\n X-User: ann\n\n") == refused(ParseStatus::malformed));
    BOOST_TEST(whole(settings, "GET /\nHost: a\n folded: b\n\n") ==
               refused(ParseStatus::malformed));
}

BOOST_AUTO_TEST_CASE(a_head_gives_the_same_key_however_it_is_cut) {
    const std::string head = "GET /a HTTP/1.1\r\nHost: a\r\nx-user:  ann \r\nCookie: u=b\r\n\r\n";
    BOOST_TEST(however_cut(header("X-User"), head) == found("ann"));
    BOOST_TEST(however_cut(header("X-Other"), head) == refused(ParseStatus::missing));
    BOOST_TEST(however_cut(cookie("u"), head) == found("b"));
    BOOST_TEST(however_cut(target, head) == found("/a"));
}

BOOST_AUTO_TEST_CASE(a_cookie_is_found_by_its_exact_name_in_any_of_the_headers) {
    const auto head = [](const std::string& lines) {
        return "GET / HTTP/1.1\r\n" + lines + "\r\n";
    };
    BOOST_TEST(whole(cookie("user"), head("Cookie: a=1; user=ann; b=2\r\n")) == found("ann"));
    BOOST_TEST(whole(cookie("user"), head("cOOkie:user=ann\r\n")) == found("ann"));
    BOOST_TEST(whole(cookie("user"), head("Cookie: user=1; user=2\r\n")) == found("1"));
    BOOST_TEST(whole(cookie("user"), head("Cookie: a=1\r\nCookie: user=2\r\n")) == found("2"));
    BOOST_TEST(whole(cookie("user"), head("Cookie: user=\r\n")) == found(""));
    BOOST_TEST(whole(cookie("user"), head("Cookie: user=\"a b\"=c\r\n")) == found("\"a b\"=c"));
    BOOST_TEST(whole(cookie("user"), head("Cookie:;; =;user;user=x;\r\n")) == found("x"));
    BOOST_TEST(whole(cookie("user"), head("Cookie: User=1; userx=2; xuser=3\r\n")) ==
               refused(ParseStatus::missing));
    BOOST_TEST(whole(cookie("user"), head("Set-Cookie: user=1\r\n")) ==
               refused(ParseStatus::missing));
    BOOST_TEST(whole(cookie("user"), head("Cookie : user=1\r\n")) ==
               refused(ParseStatus::malformed));
}

BOOST_AUTO_TEST_CASE(a_target_is_the_middle_of_a_request_line) {
    BOOST_TEST(whole(target, "GET /a/b?c=d HTTP/1.1\r\n") == found("/a/b?c=d"));
    BOOST_TEST(whole(target, "OPTIONS * HTTP/1.0\n") == found("*"));
    for (const std::string line : {"GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1",
                                   "GET / a HTTP/1.1", "GET / FTP/1.1", "GET", "\x16\x03\x01"}) {
        BOOST_TEST(whole(target, line + "\r\n") == refused(ParseStatus::malformed), line);
    }
}

BOOST_AUTO_TEST_CASE(random_heads_in_random_segments_get_the_answer_of_a_line_by_line_model) {
    test::SeededRandom random;
    const auto settings = test::settings_of({header("X-User")});
    for (int round = 0; round < 20'000; ++round) {
        const std::string head = random_head(random);
        std::vector<std::size_t> cuts(random.below(6));
        for (std::size_t& cut : cuts) cut = random.below(head.size() + 1);
        std::ranges::sort(cuts);
        const Answer expected = header_by_lines("X-User", head);
        BOOST_REQUIRE_EQUAL(whole(settings, head), expected);
        BOOST_REQUIRE_EQUAL(test::in_segments(settings, head, cuts), expected);
    }
}

BOOST_AUTO_TEST_SUITE_END()
