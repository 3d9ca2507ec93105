#include "proxy/net/loop.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/test_timer.h"
#include "tests/support/sockets.h"
#include "tests/support/wait.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::Clock;
using proxy::Loop;
using test::TestTimer;

namespace {

constexpr std::uint32_t edges = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

class TestHandler final : public proxy::PollHandler {
public:
    std::function<void()> act;
    int calls = 0;

    void on_ready(std::uint32_t /*events*/) override {
        ++calls;
        if (act) act();
    }
};

struct Fixture {
    std::function<void()> after_round;
    Loop loop{[this] {
        if (after_round) after_round();
    }};
    test::TcpPair pair = test::tcp_pair();

    Fixture() { test::set_blocking(pair.near, false); }

    template <class Predicate>
    bool turn_until(Predicate holds) {
        const auto deadline = Clock::now() + test::patience;
        while (!holds()) {
            if (Clock::now() >= deadline) return false;
            loop.run_round(Clock::now() + 100ms);
        }
        return true;
    }
    void settle() {
        for (int i = 0; i < 3; ++i) loop.run_round({});
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(loop, Fixture)

BOOST_AUTO_TEST_CASE(commands_of_one_thread_run_in_order) {
    std::vector<int> ran;
    std::thread other([&] {
        for (int i = 0; i < 1000; ++i) loop.post([&ran, i] { ran.push_back(i); });
    });
    const bool all = turn_until([&] { return ran.size() == 1000; });
    other.join();
    BOOST_TEST(all);
    BOOST_TEST(std::ranges::is_sorted(ran));
}

BOOST_AUTO_TEST_CASE(a_command_ends_a_wait) {
    std::atomic<bool> ran = false;
    std::thread thread([&] { loop.run(); });
    loop.post([&] { ran = true; });
    BOOST_TEST(test::eventually([&] { return ran.load(); }));
    loop.post([&] { loop.stop(); });
    thread.join();
}

BOOST_AUTO_TEST_CASE(commands_are_freed_when_they_have_run_and_dropped_after_stop) {
    auto first = std::make_shared<int>();
    auto second = std::make_shared<int>();
    std::string order;
    after_round = [&] { order += first.use_count() == 1 ? 'f' : '.'; };
    loop.post([first, &order] { order += 'a'; });
    loop.post([this, second] { loop.stop(); });
    loop.post([second, &order] { order += 'x'; });
    loop.run();
    BOOST_TEST(order.starts_with("af"));
    BOOST_TEST(order.find('x') == std::string::npos);
    BOOST_TEST(second.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(a_deadline_ends_a_wait_and_is_met_in_a_round) {
    std::string order;
    after_round = [&] { order += '.'; };
    TestTimer second([&] { order += 'b'; });
    TestTimer first([&] {
        order += 'a';
        loop.timers().set(second, Clock::now() + 1ms);
    });
    TestTimer never([&] { order += 'x'; });
    loop.timers().set(never, Clock::now() + 1000h);
    loop.timers().set(first, Clock::now() + 1ms);
    const auto deadline = Clock::now() + test::patience;
    while (order.find('b') == std::string::npos && Clock::now() < deadline) loop.run_round();
    BOOST_TEST(order.find("a.") != std::string::npos);
    BOOST_TEST(order.ends_with("b."));
    BOOST_TEST(order.find('x') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_handler_that_always_asks_does_not_starve_commands_and_deadlines) {
    TestHandler busy;
    busy.act = [&] { loop.poller().call_again(busy); };
    BOOST_TEST(loop.poller().add(pair.near.get(), busy, edges));
    BOOST_TEST(turn_until([&] { return busy.calls > 100; }));
    bool commanded = false;
    bool rang = false;
    TestTimer timer([&] { rang = true; });
    loop.timers().set(timer, Clock::now() + 1ms);
    loop.post([&] { commanded = true; });
    BOOST_TEST(turn_until([&] { return commanded && rang; }));
}

// What a handler closes in a round may have an event in hand in the same round; it
// is freed after the round, and hears nothing from then on.
BOOST_AUTO_TEST_CASE(what_is_removed_in_a_round_is_safe_to_free_after_it) {
    auto other_pair = test::tcp_pair();
    const auto first = std::make_shared<TestHandler>();
    const auto second = std::make_shared<TestHandler>();
    std::vector<std::shared_ptr<TestHandler>> to_free;
    BOOST_TEST(loop.poller().add(pair.near.get(), *first, edges));
    BOOST_TEST(loop.poller().add(other_pair.near.get(), *second, edges));
    int events_after_free = 0;
    bool freed = false;
    const auto remove_both = [&] {
        events_after_free += freed ? 1 : 0;
        if (!pair.near) return;
        pair.near.close();
        other_pair.near.close();
        to_free = {first, second};
    };
    first->act = second->act = remove_both;
    after_round = [&] {
        freed = freed || !to_free.empty();
        to_free.clear();
    };
    test::send_all(pair.far, "a");
    test::send_all(other_pair.far, "a");
    BOOST_TEST(turn_until([&] { return freed; }));
    settle();
    BOOST_TEST(events_after_free == 0);
    // Both were ready in that round: one event was in hand when the other came.
    BOOST_TEST(first->calls + second->calls == 2);
}

BOOST_AUTO_TEST_CASE(a_loop_that_is_held_up_shows_by_how_long) {
    bool held = false;
    loop.post([&] {
        const auto end = Clock::now() + 500ms;
        held = test::eventually([&] { return Clock::now() >= end; });
    });
    BOOST_TEST(turn_until([&] { return held; }));
    BOOST_TEST(turn_until([&] { return loop.delays().sum_us() >= 250'000; }));
}

BOOST_AUTO_TEST_SUITE_END()
