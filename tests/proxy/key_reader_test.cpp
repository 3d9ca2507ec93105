#include "proxy/key_reader.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/random.h"
#include "tests/support/sockets.h"

using namespace ringway;
using namespace std::string_literals;
using conf::KeySettings;
using proxy::KeyReader;
using State = proxy::KeyReader::State;

namespace {

const conf::Endpoint client = test::endpoint("192.0.2.55:4711");

struct Answer {
    State state;
    std::string key;
    bool operator==(const Answer&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Answer& answer) {
    return out << "state " << static_cast<int>(answer.state) << ", key of " << answer.key.size()
               << " bytes";
}

KeySettings first_line(std::size_t max_bytes = 1024) {
    return {.from = KeySettings::From::first_line, .max_bytes = max_bytes};
}

KeySettings header(std::string name, std::size_t max_bytes = 1024) {
    return {.from = KeySettings::From::header, .name = std::move(name), .max_bytes = max_bytes};
}

// What a reader says of `bytes` that come in one piece, as far as it reads.
Answer whole(const KeySettings& settings, std::string_view bytes) {
    KeyReader reader(settings, client);
    const State state = reader.read(bytes.substr(0, reader.limit_bytes()));
    BOOST_TEST((state == reader.state()));
    return {state, reader.key()};
}

// The same, cut at every position in `cuts`, which rise. Reading ends with an answer.
Answer in_segments(const KeySettings& settings, std::string_view bytes,
                   const std::vector<std::size_t>& cuts) {
    KeyReader reader(settings, client);
    const auto readable = std::min(bytes.size(), reader.limit_bytes());
    for (const std::size_t cut : cuts) {
        if (reader.state() != State::wants_bytes) break;
        // A copy without spare room, so that a read beyond it does not go unseen.
        const std::string head(bytes.substr(0, std::min(cut, readable)));
        reader.read(head);
    }
    if (reader.state() == State::wants_bytes) reader.read(bytes.substr(0, readable));
    return {reader.state(), reader.key()};
}

Answer found(std::string key) {
    return {State::found, std::move(key)};
}
Answer refused(State state) {
    return {state, ""};
}

std::string source_key(std::string_view address, int prefix_v4, int prefix_v6) {
    const KeySettings settings{.prefix_v4 = prefix_v4, .prefix_v6 = prefix_v6};
    const KeyReader reader(settings, test::endpoint(address));
    BOOST_TEST((reader.state() == State::found));
    return reader.key();
}

// What an origin server would take for the header's value, by another way: line
// by line over the whole head.
Answer header_by_lines(const KeySettings& settings, std::string_view bytes) {
    std::string_view rest = bytes.substr(0, std::min(bytes.size(), settings.max_bytes));
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
        if (number == 0 && line.empty()) return refused(State::malformed);
        if (number == 0) continue;
        if (line.empty()) return refused(State::missing);
        const auto colon = line.find(':');
        const auto name = line.substr(0, colon);
        if (colon == std::string::npos || name.empty()) return refused(State::malformed);
        if (name.find_first_of(" \t") != std::string::npos) return refused(State::malformed);
        if (lower(name) != lower(settings.name)) continue;
        std::string value = line.substr(colon + 1);
        while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.erase(0, 1);
        while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.pop_back();
        return found(value);
    }
    const bool full = bytes.size() >= settings.max_bytes;
    return refused(full ? State::too_large : State::wants_bytes);
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

BOOST_AUTO_TEST_SUITE(key_reader)

BOOST_AUTO_TEST_CASE(a_source_address_is_the_key_at_once_without_its_port) {
    BOOST_TEST(source_key("192.0.2.55:4711", 32, 128) == "192.0.2.55");
    BOOST_TEST(source_key("[2001:db8::1:2]:4711", 32, 128) == "2001:db8::1:2");
}

BOOST_AUTO_TEST_CASE(a_prefix_keeps_its_leading_bits) {
    BOOST_TEST(source_key("192.0.2.255:1", 24, 128) == "192.0.2.0");
    BOOST_TEST(source_key("192.0.2.255:1", 28, 128) == "192.0.2.240");
    BOOST_TEST(source_key("192.0.2.255:1", 1, 128) == "128.0.0.0");
    BOOST_TEST(source_key("[2001:db8:aaaa:bbbb:cccc::1]:1", 32, 64) == "2001:db8:aaaa:bbbb::");
    BOOST_TEST(source_key("[2001:db8:ffff::1]:1", 32, 36) == "2001:db8:f000::");
    BOOST_TEST(source_key("[2001:db8::1]:1", 8, 128) == "2001:db8::1");
}

BOOST_AUTO_TEST_CASE(a_first_line_ends_with_lf_or_crlf_which_are_not_part_of_it) {
    BOOST_TEST(whole(first_line(), "user-1\nrest\n") == found("user-1"));
    BOOST_TEST(whole(first_line(), "user-1\r\nrest\n") == found("user-1"));
    BOOST_TEST(whole(first_line(), "user-1\r\r\n") == found("user-1\r"));
    BOOST_TEST(whole(first_line(), "a\rb\n") == found("a\rb"));
    BOOST_TEST(whole(first_line(), " user 1 \n") == found(" user 1 "));
}

BOOST_AUTO_TEST_CASE(a_first_line_may_be_any_bytes_or_none) {
    BOOST_TEST(whole(first_line(), "\0\xff\x1b\n"s) == found("\0\xff\x1b"s));
    BOOST_TEST(whole(first_line(), "\n") == found(""));
    BOOST_TEST(whole(first_line(), "\r\n") == found(""));
}

BOOST_AUTO_TEST_CASE(a_line_that_is_not_complete_wants_more) {
    BOOST_TEST(whole(first_line(), "") == refused(State::wants_bytes));
    BOOST_TEST(whole(first_line(), "user-1\r") == refused(State::wants_bytes));
}

BOOST_AUTO_TEST_CASE(the_limit_counts_the_newline) {
    BOOST_TEST(whole(first_line(8), "1234567\n") == found("1234567"));
    BOOST_TEST(whole(first_line(8), "1234567") == refused(State::wants_bytes));
    BOOST_TEST(whole(first_line(8), "12345678\n") == refused(State::too_large));
    BOOST_TEST(whole(header("a", 16), "GET /\nb: 1\na: 2\n") == found("2"));
    BOOST_TEST(whole(header("a", 15), "GET /\nb: 1\na: 2\n") == refused(State::too_large));
}

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
    BOOST_TEST(whole(settings, "GET /\r\nHost: a\r\n\r\nX-User: b\r\n") == refused(State::missing));
    BOOST_TEST(whole(settings, "GET /\n\n") == refused(State::missing));
}

BOOST_AUTO_TEST_CASE(what_is_no_head_is_malformed) {
    const auto settings = header("X-User");
    BOOST_TEST(whole(settings, "\r\nGET /\r\n") == refused(State::malformed));
    BOOST_TEST(whole(settings, "GET /\nno colon\n") == refused(State::malformed));
    BOOST_TEST(whole(settings, "GET /\n: no name\n") == refused(State::malformed));
}

// RFC 9112, 5.1: an origin server that is lax here would see a header that we
// did not, and serve a client that was placed by another key.
BOOST_AUTO_TEST_CASE(white_space_before_the_colon_is_malformed) {
    const auto settings = header("X-User");
    BOOST_TEST(whole(settings, "GET /\nX-User : ann\n\n") == refused(State::malformed));
    BOOST_TEST(whole(settings, "GET /\n X-User: ann\n\n") == refused(State::malformed));
    BOOST_TEST(whole(settings, "GET /\nHost: a\n folded: b\n\n") == refused(State::malformed));
}

BOOST_AUTO_TEST_CASE(every_split_of_a_head_gives_the_same_key) {
    const std::string line = "user-1\r\nrest";
    const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nx-user:  ann \r\n\r\n";
    for (std::size_t cut = 0; cut <= line.size(); ++cut) {
        BOOST_TEST(in_segments(first_line(), line, {cut}) == found("user-1"), "cut at " << cut);
    }
    for (std::size_t first = 0; first <= head.size(); ++first) {
        for (std::size_t second = first; second <= head.size(); ++second) {
            BOOST_TEST(in_segments(header("X-User"), head, {first, second}) == found("ann"),
                       "cut at " << first << " and " << second);
        }
    }
}

BOOST_AUTO_TEST_CASE(one_byte_segments_give_the_same_answer) {
    std::vector<std::size_t> every(200);
    for (std::size_t i = 0; i < every.size(); ++i) every[i] = i + 1;
    const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX-User: ann\r\n\r\n";
    BOOST_TEST(in_segments(header("X-User"), head, every) == found("ann"));
    BOOST_TEST(in_segments(header("X-Other"), head, every) == refused(State::missing));
    BOOST_TEST(in_segments(header("X-User", 20), head, every) == refused(State::too_large));
    BOOST_TEST(in_segments(first_line(8), "12345678\n", every) == refused(State::too_large));
}

BOOST_AUTO_TEST_CASE(random_heads_in_random_segments_get_the_answer_of_a_line_by_line_model) {
    test::SeededRandom random;
    for (int round = 0; round < 20'000; ++round) {
        const std::string head = random_head(random);
        const auto settings = header("X-User", random.between(1, 96));
        std::vector<std::size_t> cuts(random.below(6));
        for (std::size_t& cut : cuts) cut = random.below(head.size() + 1);
        std::ranges::sort(cuts);
        const Answer expected = header_by_lines(settings, head);
        BOOST_REQUIRE_EQUAL(whole(settings, head), expected);
        BOOST_REQUIRE_EQUAL(in_segments(settings, head, cuts), expected);
    }
}

BOOST_AUTO_TEST_SUITE_END()
