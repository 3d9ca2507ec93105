#include "proxy/base/histogram.h"

#include <cstdint>
#include <random>
#include <vector>

#include <boost/test/unit_test.hpp>

using namespace ringway;
using namespace std::chrono_literals;
using proxy::connect_bounds_us;
using proxy::Distribution;
using proxy::Histogram;

BOOST_AUTO_TEST_SUITE(histogram)

BOOST_AUTO_TEST_CASE(a_time_on_a_bound_counts_below_it) {
    Histogram<connect_bounds_us> histogram;
    for (const auto time : {-5us, 0us, 100us, 101us, 5'000'000us, 5'000'001us}) {
        histogram.observe(time);
    }
    BOOST_TEST(histogram.count(0) == 3u);
    BOOST_TEST(histogram.count(1) == 1u);
    BOOST_TEST(histogram.count(connect_bounds_us.size() - 1) == 1u);
    BOOST_TEST(histogram.count(connect_bounds_us.size()) == 1u);
    BOOST_TEST(histogram.sum_us() == 10'000'202u);
}

BOOST_AUTO_TEST_CASE(several_add_up_to_what_counting_one_by_one_gives) {
    std::mt19937_64 random(7);
    std::vector<Histogram<connect_bounds_us>> workers(3);
    std::vector<std::uint64_t> expected(connect_bounds_us.size() + 1);
    std::uint64_t sum = 0;
    for (int i = 0; i < 3'000; ++i) {
        const std::uint64_t us = random() % (1u << (random() % 24));
        workers[random() % 3].observe(std::chrono::microseconds(us));
        std::size_t bucket = 0;
        while (bucket < connect_bounds_us.size() && us > connect_bounds_us[bucket]) ++bucket;
        ++expected[bucket];
        sum += us;
    }
    Distribution all;
    for (const auto& worker : workers) all.add(worker);
    BOOST_TEST(all.counts == expected, boost::test_tools::per_element());
    BOOST_TEST(all.sum_us == sum);
    BOOST_TEST(all.bounds_us.size() == connect_bounds_us.size());
}

BOOST_AUTO_TEST_SUITE_END()
