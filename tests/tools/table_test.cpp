#include "tools/ringctl/table.h"

#include <boost/test/unit_test.hpp>

using namespace ringway::ringctl;

BOOST_AUTO_TEST_SUITE(table)

BOOST_AUTO_TEST_CASE(columns_are_as_wide_as_their_widest_cell) {
    Table table({{"ID"}, {"ACTIVE", Align::right}, {"DETAIL"}});
    table.add({{"server-10"}, {"7"}, {"checked ok"}});
    table.add({{"a"}, {"1234567"}, {""}});
    BOOST_TEST(table.to_string(false) ==
               "ID          ACTIVE  DETAIL\n"
               "server-10        7  checked ok\n"
               "a          1234567\n");
}

BOOST_AUTO_TEST_CASE(width_is_counted_in_code_points) {
    Table table({{"ID"}, {"X"}});
    table.add({{"caf\xc3\xa9"}, {"1"}});
    table.add({{"tea"}, {"2"}});
    BOOST_TEST(table.to_string(false) == "ID    X\ncaf\xc3\xa9  1\ntea   2\n");
}

BOOST_AUTO_TEST_CASE(colours_do_not_move_columns) {
    Table table({{"S"}, {"N"}});
    table.add({{"up", Tone::good}, {"1"}});
    BOOST_TEST(table.to_string(false) == "S   N\nup  1\n");
    BOOST_TEST(table.to_string(true) ==
               "\x1b[2mS\x1b[0m   \x1b[2mN\x1b[0m\n\x1b[32mup\x1b[0m  1\n");
}

BOOST_AUTO_TEST_CASE(seconds_are_told_in_their_two_largest_units) {
    BOOST_TEST(human_seconds(0) == "0s");
    BOOST_TEST(human_seconds(59) == "59s");
    BOOST_TEST(human_seconds(192) == "3m 12s");
    BOOST_TEST(human_seconds(7'500) == "2h 5m");
    BOOST_TEST(human_seconds(792'000) == "9d 4h");
}

BOOST_AUTO_TEST_CASE(bytes_are_told_in_a_unit_that_fits) {
    BOOST_TEST(human_bytes(0) == "0 B");
    BOOST_TEST(human_bytes(1'023) == "1023 B");
    BOOST_TEST(human_bytes(1'536) == "1.5 KiB");
    BOOST_TEST(human_bytes((1u << 20) - 1) == "1.0 MiB");
    BOOST_TEST(human_bytes(20ull << 30) == "20.0 GiB");
    BOOST_TEST(human_bytes(~0ull) == "16.0 EiB");
}

BOOST_AUTO_TEST_SUITE_END()
