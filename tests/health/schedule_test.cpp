#include "health/schedule.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using ringway::health::Clock;
using ringway::health::first_probe_within;
using ringway::health::Schedule;

namespace {

std::vector<std::string> keys(std::size_t count) {
    std::vector<std::string> out;
    for (std::size_t i = 1; i <= count; ++i) out.push_back("redis/server-" + std::to_string(i));
    return out;
}

// The most of `offsets`, each within `span`, in any window of `window`; windows
// reach over the end.
std::size_t fullest_window(std::vector<Clock::duration> offsets, Clock::duration span,
                           Clock::duration window) {
    std::sort(offsets.begin(), offsets.end());
    const std::size_t count = offsets.size();
    for (std::size_t i = 0; i < count; ++i) offsets.push_back(offsets[i] + span);
    std::size_t fullest = 0;
    for (std::size_t begin = 0, end = 0; begin < count; ++begin) {
        while (end < offsets.size() && offsets[end] - offsets[begin] < window) ++end;
        fullest = std::max(fullest, end - begin);
    }
    return fullest;
}

const Clock::time_point some_time = Clock::time_point{} + 12345678901ns;

}  // namespace

BOOST_AUTO_TEST_SUITE(schedule)

BOOST_AUTO_TEST_CASE(no_twentieth_of_the_interval_holds_more_than_twice_its_share_of_starts) {
    std::vector<Clock::duration> offsets;
    for (const std::string& key : keys(1'000)) {
        offsets.push_back(Schedule(key, 2s).next(some_time) - some_time);
    }
    BOOST_TEST(fullest_window(offsets, 2s, 100ms) <= 100u);
}

BOOST_AUTO_TEST_CASE(a_thousand_probes_of_one_interval_never_burst) {
    std::vector<Clock::duration> offsets;
    for (const std::string& key : keys(1'000)) {
        const Schedule schedule(key, 2s);
        auto probe = some_time;
        for (int round = 0; round < 20; ++round) {
            offsets.push_back((probe = schedule.next(probe)) - some_time);
        }
    }
    // A twentieth of the servers in a hundredth of the interval would be a burst.
    BOOST_TEST(fullest_window(offsets, 60s, 20ms) <= 50u);
}

BOOST_AUTO_TEST_CASE(probes_are_moved_by_chance) {
    const Schedule schedule("redis/server-1", 2s);
    auto probe = schedule.next(some_time);
    std::set<Clock::duration> gaps;
    for (int round = 0; round < 20; ++round) {
        const auto next = schedule.next(probe);
        gaps.insert(next - std::exchange(probe, next));
    }
    BOOST_TEST(gaps.size() > 15u);
    BOOST_CHECK(Schedule("a", 2s, 1).next(some_time) != Schedule("a", 2s, 2).next(some_time));
}

BOOST_AUTO_TEST_CASE(first_probes_come_soon_and_are_spread_too) {
    for (const Clock::duration interval : {Clock::duration(200ms), Clock::duration(60s)}) {
        const Clock::duration within = std::min<Clock::duration>(interval, first_probe_within);
        std::vector<Clock::duration> offsets;
        for (const std::string& key : keys(1'000)) {
            offsets.push_back(Schedule(key, interval).first(some_time) - some_time);
            BOOST_REQUIRE(offsets.back() >= 0s);
            BOOST_REQUIRE(offsets.back() < within);
        }
        BOOST_TEST(fullest_window(offsets, within, within / 20) <= 100u);
    }
}

BOOST_AUTO_TEST_CASE(the_next_start_lies_ahead_and_at_most_one_interval_away) {
    const std::uint32_t seed = std::random_device()();
    std::mt19937_64 random(seed);
    std::uniform_int_distribution<Clock::rep> interval(1, Clock::duration(1h).count());
    std::uniform_int_distribution<Clock::rep> time(0, Clock::duration(10'000h).count());
    BOOST_TEST_CONTEXT("seed " << seed) {
        for (const std::string& key : keys(10'000)) {
            const Clock::duration every(interval(random));
            const Clock::time_point now{Clock::duration(time(random))};
            const Schedule schedule(key, every);
            const auto next = schedule.next(now);
            BOOST_REQUIRE(next > now);
            BOOST_REQUIRE(next <= now + every);
            // No two probes are much closer than the interval: by chance, a tenth at most.
            BOOST_REQUIRE(schedule.next(next) - next >= every - every / 10 - 1ns);
            BOOST_REQUIRE(schedule.next(next - 1ns) == next);
        }
    }
}

BOOST_AUTO_TEST_CASE(late_probes_do_not_move_the_ones_after_them) {
    const Schedule schedule("redis/server-1", 2s);
    const auto second = schedule.next(schedule.next(some_time));
    BOOST_CHECK(schedule.next(second - 700ms) == second);
    const auto fourth = schedule.next(schedule.next(second));
    BOOST_CHECK(schedule.next(fourth - 1'700ms) == fourth);
}

// `fall` checks that time out are over within `fall` x interval + timeout of any moment, even
// with a timeout as long as the interval.
BOOST_AUTO_TEST_CASE(probes_that_time_out_keep_the_interval) {
    for (const Clock::duration timeout : {1'000ms, 1'900ms, 2'000ms}) {
        for (const std::string& key : keys(100)) {
            const Schedule schedule(key, 2s);
            auto started = schedule.next(some_time);
            for (int fall = 1; fall <= 10; ++fall) {
                BOOST_REQUIRE(started <= some_time + fall * 2s);
                const auto next = schedule.following(started, started + timeout);
                BOOST_REQUIRE(next >= started + timeout);
                started = next;
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_key_keeps_its_place) {
    BOOST_CHECK(Schedule("a/b", 2s).next(some_time) == Schedule("a/b", 2s).next(some_time));
    BOOST_CHECK(Schedule("a/b", 2s).next(some_time) != Schedule("a/c", 2s).next(some_time));
}

BOOST_AUTO_TEST_SUITE_END()
