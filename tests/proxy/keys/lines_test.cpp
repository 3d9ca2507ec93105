// Keys from a first line: whole, a field of it, or what an expression matches; and
// from fixed places.
#include "proxy/keys/lines.h"

#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/keys/answers.h"

using namespace ringway;
using namespace std::string_literals;
using test::found;
using test::From;
using test::however_cut;
using test::KeyPart;
using test::ParseStatus;
using test::refused;
using test::whole;

namespace {

const KeyPart first_line{.from = From::first_line};

KeyPart field(std::uint32_t number, std::string separator = "") {
    return {.from = From::field, .number = number, .separator = std::move(separator)};
}
KeyPart bytes(std::uint32_t offset, std::uint32_t length) {
    return {.from = From::bytes, .offset = offset, .length = length};
}
KeyPart regex(std::string pattern, int group, std::uint32_t length = 0) {
    return {.from = From::regex, .length = length, .pattern = std::move(pattern), .group = group};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lines)

BOOST_AUTO_TEST_CASE(a_first_line_ends_with_lf_or_crlf_which_are_not_part_of_it) {
    BOOST_TEST(however_cut(first_line, "user-1\nrest\n") == found("user-1"));
    BOOST_TEST(however_cut(first_line, "user-1\r\nrest\n") == found("user-1"));
    BOOST_TEST(however_cut(first_line, "user-1\r\r\n") == found("user-1\r"));
    BOOST_TEST(whole(first_line, "a\rb\n") == found("a\rb"));
    BOOST_TEST(whole(first_line, " user 1 \n") == found(" user 1 "));
}

BOOST_AUTO_TEST_CASE(a_first_line_may_be_any_bytes_or_none) {
    BOOST_TEST(whole(first_line, "\0\r\x1b\xff\n"s) == found("\0\r\x1b\xff"s));
    BOOST_TEST(whole(first_line, "\n") == found(""));
    BOOST_TEST(whole(first_line, "\r\n") == found(""));
}

BOOST_AUTO_TEST_CASE(a_line_that_is_not_complete_wants_more) {
    BOOST_TEST(whole(first_line, "") == refused(ParseStatus::more));
    BOOST_TEST(whole(first_line, "user-1\r") == refused(ParseStatus::more));
}

BOOST_AUTO_TEST_CASE(blanks_in_a_row_separate_fields_once) {
    BOOST_TEST(however_cut(field(2), "get  key-1\r\n") == found("key-1"));
    BOOST_TEST(whole(field(2), " \tset key-2 0 0 5\n") == found("key-2"));
    BOOST_TEST(whole(field(1), "get key\n") == found("get"));
    BOOST_TEST(whole(field(5), "a b\tc d e \n") == found("e"));
    BOOST_TEST(however_cut(field(2), "quit\r\n") == refused(ParseStatus::missing));
    BOOST_TEST(whole(field(2), "quit \n") == refused(ParseStatus::missing));
    BOOST_TEST(whole(field(1), "\n") == refused(ParseStatus::missing));
    BOOST_TEST(whole(field(2), "get key") == refused(ParseStatus::more));
}

BOOST_AUTO_TEST_CASE(a_separator_separates_wherever_it_stands) {
    BOOST_TEST(whole(field(2, ":"), "a:b:c\n") == found("b"));
    BOOST_TEST(whole(field(3, ":"), "a:b:c\n") == found("c"));
    BOOST_TEST(whole(field(2, ":"), "a::c\n") == found(""));
    BOOST_TEST(whole(field(4, ":"), "a:b:c\n") == refused(ParseStatus::missing));
    BOOST_TEST(whole(field(2, "::"), "a:b::c\n") == found("c"));
    BOOST_TEST(whole(field(2, "\t"), "a b\tc\n") == found("c"));
}

BOOST_AUTO_TEST_CASE(bytes_are_waited_for_and_taken_as_they_are) {
    BOOST_TEST(however_cut(bytes(2, 4), "\0\1key\n more"s) == found("key\n"));
    BOOST_TEST(whole(bytes(0, 1), "x") == found("x"));
    BOOST_TEST(whole(bytes(2, 4), "12345") == refused(ParseStatus::more));
}

BOOST_AUTO_TEST_CASE(an_expression_sees_the_whole_first_line_and_nothing_else) {
    BOOST_TEST(however_cut(regex("user=([a-z]+)", 1), "x user=ann;\nuser=bob\n") == found("ann"));
    BOOST_TEST(however_cut(regex("user=([a-z]+)", 1), "x\nuser=bob\n") ==
               refused(ParseStatus::missing));
    BOOST_TEST(whole(regex("[0-9]+$", 0), "a 12 345\r\n") == found("345"));
    BOOST_TEST(whole(regex("(a)|(b)", 2), "a\n") == refused(ParseStatus::missing));
    BOOST_TEST(whole(regex("^(.*)$", 1), "\0\xff\x80\n"s) == found("\0\xff\x80"s));
    BOOST_TEST(whole(regex("()", 1), "\n") == found(""));
}

// Were it tried on what has come so far, "ab" in two segments would give "a".
BOOST_AUTO_TEST_CASE(an_expression_with_a_length_waits_for_all_of_it) {
    BOOST_TEST(however_cut(regex("([a-z]+)", 1, 8), "ab\ncdefg\n") == found("ab"));
    BOOST_TEST(however_cut(regex("(?s)b.(.)", 1, 4), "ab\ncd") == found("c"));
    BOOST_TEST(whole(regex("([a-z]+)", 1, 8), "abc\n") == refused(ParseStatus::more));
    BOOST_TEST(whole(regex("x", 0, 4), "abcdx") == refused(ParseStatus::missing));
}

BOOST_AUTO_TEST_CASE(an_expression_that_backtracks_elsewhere_takes_linear_time) {
    const std::string line = std::string(60'000, 'a') + "\n";
    BOOST_TEST(whole(regex("(a*)*(a*)*b", 0), line) == refused(ParseStatus::missing));
}

BOOST_AUTO_TEST_SUITE_END()
