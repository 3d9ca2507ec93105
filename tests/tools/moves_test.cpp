#include "tools/ringdemo/moves.h"

#include <boost/test/unit_test.hpp>

using namespace ringway::ringdemo;

namespace {

const Owners three{{"k1", "a"}, {"k2", "b"}, {"k3", "c"}, {"k4", "b"}};

}  // namespace

BOOST_AUTO_TEST_SUITE(moves)

BOOST_AUTO_TEST_CASE(nothing_moves_between_equal_rounds) {
    const Moves moves = compare(three, three);
    BOOST_TEST(moves.moved == 0u);
    BOOST_TEST(moves.counts.empty());
}

BOOST_AUTO_TEST_CASE(keys_of_a_removed_server_may_move) {
    const Moves moves = compare(three, {{"k1", "a"}, {"k2", "a"}, {"k3", "c"}, {"k4", "c"}});
    BOOST_TEST(moves.moved == 2u);
    BOOST_TEST(moves.needless == 0u);
    BOOST_TEST(moves.counts.at({"b", "a"}) == 1u);
    BOOST_TEST(moves.counts.at({"b", "c"}) == 1u);
}

BOOST_AUTO_TEST_CASE(keys_move_to_a_new_server_by_right) {
    const Moves moves = compare(three, {{"k1", "a"}, {"k2", "b"}, {"k3", "c"}, {"k4", "d"}});
    BOOST_TEST(moves.moved == 1u);
    BOOST_TEST(moves.needless == 0u);
}

BOOST_AUTO_TEST_CASE(a_move_between_servers_that_were_there_all_along_is_needless) {
    const Moves moves = compare(three, {{"k1", "c"}, {"k2", "a"}, {"k3", "c"}, {"k4", "a"}});
    BOOST_TEST(moves.moved == 3u);
    BOOST_TEST(moves.needless == 1u);
}

BOOST_AUTO_TEST_CASE(keys_without_an_answer_are_no_moves) {
    BOOST_TEST(compare(three, {{"k1", "a"}}).moved == 0u);
}

BOOST_AUTO_TEST_CASE(a_round_survives_its_file) {
    BOOST_CHECK(from_text(to_text(three)).value() == three);
    BOOST_CHECK(from_text("").value().empty());
    const std::string expected = "expected a key, a blank and a server";
    BOOST_TEST(from_text("k1 a\nk2\n").error().text == "line 2: " + expected);
    BOOST_TEST(from_text(" a\n").error().text == "line 1: " + expected);
    BOOST_TEST(from_text("k1 \n").error().text == "line 1: " + expected);
}

BOOST_AUTO_TEST_SUITE_END()
