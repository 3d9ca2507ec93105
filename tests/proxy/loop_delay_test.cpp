#include "proxy/base/loop_delay.h"

#include <chrono>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include "proxy/base/clock.h"
#include "tests/support/wait.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::Clock;
using proxy::Distribution;
using proxy::LoopDelay;

namespace {

// Keeps the loop from turning.
void hold_up(Clock::duration time) {
    const auto end = Clock::now() + time;
    test::eventually([&] { return Clock::now() >= end; });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(loop_delay)

BOOST_AUTO_TEST_CASE(a_loop_that_is_held_up_shows_by_how_long) {
    boost::asio::io_context io;
    LoopDelay delay(io);
    delay.start();
    boost::asio::post(io, [] { hold_up(500ms); });
    io.run_one();
    io.run_one();
    Distribution seen;
    seen.add(delay.delays());
    BOOST_TEST(seen.sum_us >= 250'000u);
    std::uint64_t above = 0;
    for (std::size_t i = 0; i < seen.counts.size(); ++i) {
        if (i > 0 && proxy::delay_bounds_us[i - 1] >= 250'000) above += seen.counts[i];
    }
    BOOST_TEST(above == 1u);
}

BOOST_AUTO_TEST_CASE(a_loop_ends_even_if_it_is_stopped_at_the_moment_of_a_look) {
    boost::asio::io_context io;
    LoopDelay delay(io);
    boost::asio::steady_timer stopper(io, 100ms);
    stopper.async_wait([&](const boost::system::error_code&) { delay.stop(); });
    delay.start();
    hold_up(300ms);  // both are due, and the look is on its way when it is stopped
    io.run_for(test::patience);
    BOOST_TEST(io.stopped());
}

BOOST_AUTO_TEST_SUITE_END()
