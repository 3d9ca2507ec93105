#include "conf/text.h"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

using namespace ringway::conf;

namespace {

std::string nearest_of(std::string_view word, const std::vector<std::string_view>& candidates) {
    return std::string(nearest(word, candidates).value_or("nothing"));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(text)

BOOST_AUTO_TEST_CASE(a_typo_finds_its_word) {
    const std::vector<std::string_view> words{"interval", "timeout", "rise", "fall"};
    BOOST_TEST(nearest_of("intervall", words) == "interval");
    BOOST_TEST(nearest_of("intrvl", words) == "interval");
    BOOST_TEST(nearest_of("tmieotu", words) == "timeout");  // two swaps
    BOOST_TEST(nearest_of("rsie", words) == "rise");
    BOOST_TEST(nearest_of("fal", words) == "fall");
}

BOOST_AUTO_TEST_CASE(three_edits_are_no_typo) {
    BOOST_TEST(nearest_of("intvl", {"interval"}) == "nothing");
    BOOST_TEST(nearest_of("abcdefgh", {"hgfedcba"}) == "nothing");
}

BOOST_AUTO_TEST_CASE(a_short_word_is_near_to_less) {
    BOOST_TEST(nearest_of("foo", {"pool"}) == "nothing");
    BOOST_TEST(nearest_of("x", {"id"}) == "nothing");
    BOOST_TEST(nearest_of("", {"id"}) == "nothing");
}

BOOST_AUTO_TEST_CASE(the_nearest_of_several_is_chosen) {
    BOOST_TEST(nearest_of("server-1x", {"server-22", "server-1", "server-11"}) == "server-1");
}

BOOST_AUTO_TEST_CASE(quotes_make_anything_printable) {
    BOOST_TEST(quoted("a\"b\\c") == R"("a\"b\\c")");
    BOOST_TEST(quoted("\x1b[31m\n") == R"("\x1b[31m\x0a")");
    BOOST_TEST(quoted("\xC2\x9B") == R"("\xc2\x9b")");
    BOOST_TEST(quoted("\xFF\xC3") == R"("\xff\xc3")");
    BOOST_TEST(quoted("gr\xC3\xBC\xC3\x9F") == "\"gr\xC3\xBC\xC3\x9F\"");
    BOOST_TEST(quoted(std::string(1'000, 'x')) == '"' + std::string(64, 'x') + "...\"");
}

BOOST_AUTO_TEST_SUITE_END()
