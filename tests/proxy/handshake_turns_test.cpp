#include "proxy/data/handshake_turns.h"

#include <boost/test/unit_test.hpp>

using namespace ringway;
using namespace std::chrono_literals;
using proxy::HandshakeTurns;

BOOST_AUTO_TEST_SUITE(handshake_turns)

BOOST_AUTO_TEST_CASE(handshakes_have_a_part_of_each_round) {
    HandshakeTurns turns;
    BOOST_TEST(turns.may_go_on(1));
    turns.spend(HandshakeTurns::longest_in_round / 2);
    BOOST_TEST(turns.may_go_on(1));
    turns.spend(HandshakeTurns::longest_in_round);
    BOOST_TEST(!turns.may_go_on(1));
    BOOST_TEST(turns.may_go_on(2));
    turns.spend(1s);
    BOOST_TEST(!turns.may_go_on(2));
    BOOST_TEST(turns.may_go_on(4));
}

BOOST_AUTO_TEST_SUITE_END()
