#include "proxy/net/timers.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/test_timer.h"
#include "tests/support/random.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::TimePoint;
using proxy::Timers;
using test::TestTimer;

namespace {

struct Fixture {
    Timers timers;
    const TimePoint start = Timers::on_grid(proxy::Clock::now());
    std::string rang;

    TestTimer named(char name) {
        return TestTimer([this, name] { rang += name; });
    }
    std::string run(std::chrono::milliseconds at) {
        rang.clear();
        timers.run(start + at);
        return rang;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(timers, Fixture)

BOOST_AUTO_TEST_CASE(deadlines_ring_in_order_once_and_not_before_their_time) {
    auto a = named('a');
    auto b = named('b');
    auto c = named('c');
    timers.set(b, start + 20ms);
    timers.set(c, start + 30ms);
    timers.set(a, start + 10ms);
    BOOST_TEST(run(9ms) == "");
    BOOST_TEST(run(10ms) == "a");
    BOOST_TEST(run(30ms) == "bc");
    BOOST_TEST(run(1h) == "");
}

BOOST_AUTO_TEST_CASE(a_deadline_that_was_moved_back_rings_at_its_new_time_only) {
    auto a = named('a');
    timers.set(a, start + 10ms);
    timers.set(a, start + 50ms);
    timers.set(a, start + 40ms);
    BOOST_TEST(run(39ms) == "");
    BOOST_TEST(run(40ms) == "a");
    BOOST_TEST(run(1h) == "");
}

BOOST_AUTO_TEST_CASE(a_deadline_that_was_moved_forth_rings_at_its_new_time_only) {
    auto a = named('a');
    timers.set(a, start + 50ms);
    timers.set(a, start + 10ms);
    BOOST_TEST(run(10ms) == "a");
    BOOST_TEST(run(1h) == "");
}

BOOST_AUTO_TEST_CASE(a_cancelled_deadline_never_rings_and_may_be_set_again) {
    auto a = named('a');
    timers.set(a, start + 10ms);
    timers.cancel(a);
    timers.cancel(a);
    BOOST_TEST(run(20ms) == "");
    timers.set(a, start + 30ms);
    BOOST_TEST(run(30ms) == "a");
}

BOOST_AUTO_TEST_CASE(a_timer_that_is_destroyed_is_forgotten) {
    auto later = named('b');
    {
        auto a = named('a');
        timers.set(a, start + 10ms);
        timers.set(later, start + 20ms);
    }
    BOOST_TEST(run(20ms) == "b");
}

BOOST_AUTO_TEST_CASE(a_timer_may_set_itself_again_from_its_deadline) {
    int rings = 0;
    TestTimer* self = nullptr;
    TestTimer timer([&] {
        ++rings;
        timers.set(*self, start + 10ms * (rings + 1));
    });
    self = &timer;
    timers.set(timer, start + 10ms);
    timers.run(start + 35ms);
    BOOST_TEST(rings == 3);
    timers.run(start + 39ms);
    BOOST_TEST(rings == 3);
    timers.run(start + 40ms);
    BOOST_TEST(rings == 4);
}

BOOST_AUTO_TEST_CASE(a_deadline_may_cancel_move_and_destroy_the_others) {
    auto cancelled = named('c');
    auto moved = named('m');
    auto doomed = std::make_unique<TestTimer>([this] { rang += 'd'; });
    TestTimer first([&] {
        rang += 'f';
        timers.cancel(cancelled);
        timers.set(moved, start + 50ms);
        doomed.reset();
    });
    timers.set(first, start + 10ms);
    timers.set(cancelled, start + 10ms);
    timers.set(moved, start + 10ms);
    timers.set(*doomed, start + 10ms);
    BOOST_TEST(run(10ms) == "f");
    BOOST_TEST(run(1h) == "m");
}

BOOST_AUTO_TEST_CASE(the_next_deadline_is_known_and_up_to_8_ms_late) {
    BOOST_TEST((timers.next() == TimePoint::max()));
    auto a = named('a');
    auto b = named('b');
    timers.set(a, start + 17ms);
    BOOST_TEST((timers.next() == start + 24ms));
    timers.set(b, start + 8ms);
    BOOST_TEST((timers.next() == start + 8ms));
    BOOST_TEST(run(8ms) == "b");
    BOOST_TEST((timers.next() == start + 24ms));
    timers.set(a, start + 100ms);
    BOOST_TEST(run(24ms) == "");
    BOOST_TEST((timers.next() == start + 104ms));
    BOOST_TEST(run(104ms) == "a");
    BOOST_TEST((timers.next() == TimePoint::max()));
}

BOOST_AUTO_TEST_CASE(random_operations_ring_what_a_sorted_list_says_is_due) {
    test::SeededRandom random;
    constexpr std::size_t count = 60;
    std::vector<std::size_t> rung;
    std::vector<std::unique_ptr<TestTimer>> all;
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(std::make_unique<TestTimer>([&rung, i] { rung.push_back(i); }));
    }
    std::multimap<TimePoint, std::size_t> model;  // timers that are set, by deadline
    const auto forget = [&](std::size_t timer) {
        std::erase_if(model, [&](const auto& entry) { return entry.second == timer; });
    };
    TimePoint now = start;
    for (int step = 0; step < 50'000; ++step) {
        const std::size_t i = random.below(count);
        if (random.one_in(8)) {
            timers.cancel(*all[i]);
            forget(i);
        } else if (!random.one_in(6)) {
            const TimePoint due = now + std::chrono::milliseconds(random.below(200));
            timers.set(*all[i], due);
            forget(i);
            model.emplace(due, i);
        } else {
            now += std::chrono::milliseconds(random.below(40));
            std::vector<std::size_t> due;
            while (!model.empty() && model.begin()->first <= now) {
                due.push_back(model.begin()->second);
                model.erase(model.begin());
            }
            rung.clear();
            timers.run(now);
            std::ranges::sort(due);
            std::ranges::sort(rung);
            BOOST_REQUIRE(rung == due);
        }
        if (!model.empty()) BOOST_REQUIRE((timers.next() <= Timers::on_grid(model.begin()->first)));
    }
}

BOOST_AUTO_TEST_SUITE_END()
