// Files made to hurt: they must end as an error, without a crash, a long wait or
// a large heap. The test runner's own limits would catch the latter two.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include "conf/parse.h"
#include "tests/conf/hostile.h"
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
    const std::string error =
        ": more than 128 KiB without a good listener, certificate, pool or server (in one {...} or "
        "[...] none is seen before its end)\n";
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
    for (int i = 0; i < 4'000; ++i)
        text += "  " + std::string(50, 'p') + std::to_string(i) + ": {}\n";
    text += "listeners:\n";
    for (int i = 0; i < 4'000; ++i) {
        text += "  - {name: l" + std::to_string(i) + ", bind: \"0.0.0.0:" + std::to_string(i + 1) +
                "\", pool: " + std::string(50, 'p') + "x" + std::to_string(i) + "}\n";
    }
    BOOST_TEST(errors_of(text).ends_with("and 3900 more errors in this file\n"));
}

BOOST_AUTO_TEST_CASE(every_kind_is_given_up_after_little_of_it) {
    for (const Hostile& kind : hostile_kinds()) {
        BOOST_TEST_CONTEXT(kind.name) {
            std::size_t bytes_read = 0;
            const auto result = ringway::conf::parse(make(kind, 1 << 20), bytes_read);
            BOOST_TEST(result.has_error());
            // What is good does not count: 4,096 pools take 45 KB. A character has up to
            // three bytes in these files.
            const std::size_t bytes_max = (kind.name == "letters of three bytes" ? 3 : 1) *
                                          ringway::conf::slack_characters_max;
            BOOST_TEST(bytes_read <= bytes_max + 60'000);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_first_hundred_errors_are_all_told_before_the_rest_is_left) {
    std::string text = "version: 1\npools:\n  p:\n    servers:\n";
    for (int i = 0; i < 5'000; ++i) text += "    - {id: s" + std::to_string(i) + ", address: x}\n";
    const auto errors = errors_of(text);
    BOOST_TEST(std::ranges::count(errors, '\n') == 101);
    BOOST_TEST(errors.starts_with("5:25: pools.p.servers[0].address: expected an IP address"));
    BOOST_TEST(errors.find("pools.p.servers[99].address") != std::string::npos);
    BOOST_TEST(errors.ends_with(": too many errors: the rest of the file was not read\n"));
    // Entries in the part that was not read are not reported as missing.
    BOOST_TEST(errors.find("missing") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(large_and_good_files_are_read_however_large) {
    std::string text = sample();
    for (int i = 0; i < 12'000; ++i) {
        text += "      # Rack " + std::to_string(i) + ", bought in March, to be replaced\n";
        text += "      - {id: server-" + std::to_string(i) + ", address: \"10.0.0.1:80\"}\n";
    }
    BOOST_TEST(errors_of(text) == "");
    // And the one error behind it all is found.
    BOOST_TEST(errors_of(text + "      - {id: last, address: x}\n")
                   .starts_with("24015:29: pools.main.servers[12001].address: "));
}

BOOST_AUTO_TEST_CASE(ids_of_many_bytes_are_good_as_well) {
    std::string text = sample();
    for (int i = 0; i < 2'000; ++i) {
        text += "      - address: 10.0.0.1:80\n        id: \"" + std::to_string(i);
        text += times(80, "\xE7\x8E\xAF") + "\"\n";
    }
    BOOST_TEST(errors_of(text) == "");
}

BOOST_AUTO_TEST_CASE(lists_end_at_their_limits) {
    std::string pools =
        "version: 1\nlisteners: [{name: a, bind: \"0.0.0.0:80\", pool: p0}]\npools:\n";
    for (int i = 0; i < 4'097; ++i) pools += "  p" + std::to_string(i) + ": {}\n";
    BOOST_TEST(errors_of(pools) == "4:3: pools: expected at most 4096 pools, found 4097\n");
    std::string listeners = "version: 1\npools: {p: {}}\nlisteners:\n";
    for (int i = 0; i < 4'097; ++i) {
        listeners += "- {name: l" + std::to_string(i) +
                     ", bind: \"0.0.0.0:" + std::to_string(i + 1) + "\", pool: p}\n";
    }
    BOOST_TEST(errors_of(listeners) ==
               "4:1: listeners: expected at most 4096 listeners, found 4097\n");
}

BOOST_AUTO_TEST_SUITE_END()
