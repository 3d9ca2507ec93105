#include "proxy/text/admin_line.h"

#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/test/unit_test.hpp>

using namespace ringway::proxy;
using Words = std::vector<std::string>;

namespace {

Words split(std::string_view line) {
    const auto result = split_admin_line(line);
    if (!result) BOOST_FAIL("refused: " << result.error().message);
    return *result;
}

AdminLineError refusal(std::string_view line) {
    const auto result = split_admin_line(line);
    BOOST_REQUIRE_MESSAGE(result.has_error(), "taken: " << line);
    return result.error();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(admin_line)

BOOST_AUTO_TEST_CASE(blanks_separate_words) {
    BOOST_CHECK(split("explain redis user-1") == (Words{"explain", "redis", "user-1"}));
    BOOST_CHECK(split(" \t explain\tredis  ") == (Words{"explain", "redis"}));
    BOOST_CHECK(split("").empty());
    BOOST_CHECK(split("  \t").empty());
}

BOOST_AUTO_TEST_CASE(quotes_hold_blanks_and_empty_words) {
    BOOST_CHECK(split(R"(explain redis "a b" "")") == (Words{"explain", "redis", "a b", ""}));
    BOOST_CHECK(split("\"a\tb\"") == Words{"a\tb"});
}

BOOST_AUTO_TEST_CASE(escapes_stand_for_any_byte_bare_or_quoted) {
    BOOST_CHECK(split(R"(a\x20b "c\"d" \\ \")") == (Words{"a b", "c\"d", "\\", "\""}));
    BOOST_CHECK(split(R"("\x00\xff\xAb\x0a")") == Words{std::string("\0\xff\xab\n", 4)});
}

BOOST_AUTO_TEST_CASE(a_carriage_return_at_the_end_is_dropped) {
    BOOST_CHECK(split("status\r") == Words{"status"});
    BOOST_CHECK(split("\r").empty());
    BOOST_TEST(refusal("a\rb").column == 2u);
}

BOOST_AUTO_TEST_CASE(bytes_from_0x80_up_stand_for_themselves) {
    BOOST_CHECK(split("caf\xc3\xa9 \xff") == (Words{"caf\xc3\xa9", "\xff"}));
}

BOOST_AUTO_TEST_CASE(what_is_no_word_is_refused_with_its_column) {
    BOOST_TEST(refusal(R"(explain "redis)").column == 9u);
    BOOST_TEST(refusal(R"(explain "redis\")").column == 9u);
    BOOST_TEST(refusal(R"("a"b)").column == 4u);
    BOOST_TEST(refusal(R"(a"b")").column == 2u);
    BOOST_TEST(refusal(R"(a\n)").column == 2u);
    BOOST_TEST(refusal(R"(a\)").column == 2u);
    BOOST_TEST(refusal(R"(\x4)").column == 1u);
    BOOST_TEST(refusal(R"(\xg0)").column == 1u);
    BOOST_TEST(refusal(R"("\x4")").column == 2u);
    BOOST_TEST(refusal(std::string_view("ab\0", 3)).column == 3u);
    BOOST_TEST(refusal("\x1b[2J").column == 1u);
    BOOST_TEST(refusal(R"(explain "redis)").message == "column 9: a quote that is never closed");
}

BOOST_AUTO_TEST_CASE(quoting_is_done_only_where_it_is_needed) {
    BOOST_TEST(quote_word("server-1") == "server-1");
    BOOST_TEST(quote_word("[2001:db8::1]:80") == "[2001:db8::1]:80");
    BOOST_TEST(quote_word("") == "\"\"");
    BOOST_TEST(quote_word("a b") == "\"a b\"");
    BOOST_TEST(quote_word("a\"b\\") == R"(a\"b\\)");
    BOOST_TEST(quote_word("\n\xff") == R"(\x0a\xff)");
}

BOOST_AUTO_TEST_CASE(any_words_survive_joining_and_splitting) {
    const std::uint32_t seed = std::random_device()();
    std::mt19937 random(seed);
    const std::string_view likely = " \"\\x0\t\r\n";
    BOOST_TEST_CONTEXT("seed " << seed) {
        for (int round = 0; round < 10'000; ++round) {
            Words words(random() % 5);
            for (std::string& word : words) {
                word.resize(random() % 8);
                for (char& c : word) {
                    c = random() % 2 ? likely[random() % likely.size()]
                                     : static_cast<char>(random() % 256);
                }
            }
            const std::string line = join_admin_line(words);
            BOOST_TEST_CONTEXT("line " << line) {
                BOOST_REQUIRE(split(line) == words);
            }
            for (const char c : line) BOOST_REQUIRE(c >= ' ' && c <= '~');
        }
    }
}

BOOST_AUTO_TEST_CASE(no_line_of_bytes_does_more_than_succeed_or_be_refused) {
    const std::uint32_t seed = std::random_device()();
    std::mt19937 random(seed);
    const std::string_view likely = "ab \"\\x0f\r";
    BOOST_TEST_CONTEXT("seed " << seed) {
        for (int round = 0; round < 100'000; ++round) {
            std::string line(random() % 12, ' ');
            for (char& c : line) c = likely[random() % likely.size()];
            const auto result = split_admin_line(line);
            if (result) {
                BOOST_REQUIRE(split(join_admin_line(*result)) == *result);
            } else {
                const std::size_t column = result.error().column;
                BOOST_REQUIRE(column >= 1 && column <= line.size());
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(printable_keeps_control_bytes_off_the_terminal) {
    BOOST_TEST(printable("user-1 caf\xc3\xa9") == "user-1 caf\xc3\xa9");
    BOOST_TEST(printable(std::string_view("\x1b[2J\0\x7f", 6)) == R"(\x1b[2J\x00\x7f)");
}

BOOST_AUTO_TEST_SUITE_END()
