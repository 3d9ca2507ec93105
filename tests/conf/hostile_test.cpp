// Files made to hurt: they must end as an error, without a crash, a long wait or
// a large heap. The test runner's own limits would catch the latter two.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include "tests/conf/sample.h"

using namespace ringway::conf::tests;

namespace {

std::string times(std::size_t count, std::string_view text) {
    std::string out;
    out.reserve(count * text.size());
    for (std::size_t i = 0; i < count; ++i) out += text;
    return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hostile)

BOOST_AUTO_TEST_CASE(brackets_without_end_are_counted_before_they_are_parsed) {
    BOOST_TEST(errors_of(times(100'000, "[")) == "1:65: nested too deeply\n");
    BOOST_TEST(errors_of(times(100'000, "{")) == "1:65: nested too deeply\n");
    BOOST_TEST(errors_of(times(100'000, "[\n")) == "65:1: nested too deeply\n");
    BOOST_TEST(errors_of("a: " + times(100'000, "{a: [")) == "1:164: nested too deeply\n");
}

BOOST_AUTO_TEST_CASE(other_nesting_ends_at_its_limit) {
    BOOST_TEST(errors_of(times(100'000, "- ")) == "1:33: nested too deeply\n");
    BOOST_TEST(errors_of(times(100'000, "? ")) == "1:33: nested too deeply\n");
    // Brackets in quotes hide the nesting from the count.
    BOOST_TEST(errors_of(times(10'000, "[']]]',")) == "1:57: nested too deeply\n");
}

BOOST_AUTO_TEST_CASE(one_collection_cannot_fill_the_memory) {
    const std::string error = ": more than 1 MiB in one {...}, [...], text or comment\n";
    BOOST_TEST(errors_of("[" + times(2 << 20, "1,")) == "1:1" + error);
    BOOST_TEST(errors_of("version: 1\nworkers: \"" + times(2 << 20, "x")) == "2:1" + error);
}

BOOST_AUTO_TEST_CASE(aliases_do_not_multiply) {
    std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 10; ++i) {
        const auto previous = "*a" + std::to_string(i - 1);
        text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" +
                times(9, previous + ", ") + previous + "]\n";
    }
    BOOST_TEST(errors_of(text).starts_with("1:5: anchors (&name) are not supported\n"));
}

BOOST_AUTO_TEST_CASE(errors_are_counted_past_the_first_hundred) {
    std::string text = sample();
    for (int i = 0; i < 1'000; ++i) text += "k" + std::to_string(i) + ": 1\n";
    const auto errors = errors_of(text);
    BOOST_TEST(std::ranges::count(errors, '\n') == 101);
    BOOST_TEST(errors.ends_with("and 900 more errors in this file\n"));
}

BOOST_AUTO_TEST_CASE(many_unknown_pools_are_refused_quickly) {
    std::string text = "version: 1\npools:\n";
    for (int i = 0; i < 5'000; ++i)
        text += "  " + std::string(50, 'p') + std::to_string(i) + ": {}\n";
    text += "listeners:\n";
    for (int i = 0; i < 5'000; ++i) {
        text += "  - {name: l" + std::to_string(i) + ", bind: \"0.0.0.0:" + std::to_string(i + 1) +
                "\", pool: " + std::string(50, 'p') + "x" + std::to_string(i) + "}\n";
    }
    BOOST_TEST(errors_of(text).ends_with("and 4900 more errors in this file\n"));
}

BOOST_AUTO_TEST_SUITE_END()
