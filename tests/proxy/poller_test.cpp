#include "proxy/net/poller.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "proxy/base/clock.h"
#include "tests/support/sockets.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::Poller;

namespace {

constexpr std::uint32_t edges = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

// Records its events, and then calls the test's function.
class TestHandler final : public proxy::PollHandler {
public:
    std::vector<std::uint32_t> told;
    std::function<void()> act;

    void on_ready(std::uint32_t events) override {
        told.push_back(events);
        if (act) act();
    }
    // All events since the last call, combined.
    std::uint32_t take() {
        std::uint32_t all = 0;
        for (const std::uint32_t events : told) all |= events;
        told.clear();
        return all;
    }
};

struct Fixture {
    int rounds = 0;
    Poller poller;
    test::TcpPair pair = test::tcp_pair();
    TestHandler watch;

    Fixture() { test::set_blocking(pair.near, false); }

    bool run_round(proxy::TimePoint limit) {
        ++rounds;
        return poller.run_round(limit) > 0;
    }
    // Runs rounds until `holds()`.
    template <class Predicate>
    bool turn_until(Predicate holds) {
        const auto deadline = proxy::Clock::now() + test::patience;
        while (!holds()) {
            if (proxy::Clock::now() >= deadline) return false;
            run_round(proxy::Clock::now() + 100ms);
        }
        return true;
    }
    // Runs rounds as long as there is something to do at once.
    void settle() {
        while (run_round({})) continue;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(poller, Fixture)

BOOST_AUTO_TEST_CASE(each_change_of_a_socket_is_reported_once) {
    BOOST_TEST(poller.add(pair.near.get(), watch, edges));
    BOOST_TEST(turn_until([&] { return !watch.told.empty(); }));
    settle();
    BOOST_TEST(watch.take() == EPOLLOUT);

    test::send_all(pair.far, "a");
    BOOST_TEST(turn_until([&] { return !watch.told.empty(); }));
    settle();
    BOOST_TEST((watch.take() & EPOLLIN) != 0u);
    // The byte is still unread; an edge is not reported twice.
    settle();
    BOOST_TEST(watch.told.empty());

    test::send_all(pair.far, "b");
    BOOST_TEST(turn_until([&] { return !watch.told.empty(); }));
    BOOST_TEST((watch.take() & EPOLLIN) != 0u);
}

BOOST_AUTO_TEST_CASE(the_end_of_a_stream_and_its_reset_are_told) {
    BOOST_TEST(poller.add(pair.near.get(), watch, edges));
    test::end_sending(pair.far);
    BOOST_TEST(turn_until([&] { return (watch.take() & EPOLLRDHUP) != 0; }));
    pair.far.close_with_reset();
    BOOST_TEST(turn_until([&] { return (watch.take() & EPOLLERR) != 0; }));
}

BOOST_AUTO_TEST_CASE(a_level_triggered_handler_is_called_until_it_is_paused) {
    BOOST_TEST(poller.add(pair.near.get(), watch, EPOLLIN));
    test::send_all(pair.far, "a");
    BOOST_TEST(turn_until([&] { return watch.told.size() >= 3; }));
    poller.modify(pair.near.get(), watch, 0);
    watch.told.clear();
    settle();
    BOOST_TEST(watch.told.empty());
    poller.modify(pair.near.get(), watch, EPOLLIN);
    BOOST_TEST(turn_until([&] { return !watch.told.empty(); }));
}

BOOST_AUTO_TEST_CASE(a_watch_that_asks_is_called_again_once_in_the_next_round) {
    BOOST_TEST(poller.add(pair.near.get(), watch, edges));
    int round_of_event = 0;
    int round_of_call = 0;
    watch.act = [&] {
        if (watch.told.size() == 1) {
            round_of_event = rounds;
            poller.call_again(watch);
            poller.call_again(watch);
        } else {
            round_of_call = rounds;
        }
    };
    BOOST_TEST(turn_until([&] { return watch.told.size() == 2; }));
    settle();
    BOOST_TEST(watch.told.size() == 2u);
    BOOST_TEST(watch.told.back() == 0u);
    BOOST_TEST(round_of_call == round_of_event + 1);
}

BOOST_AUTO_TEST_CASE(a_watch_that_always_asks_does_not_starve_others) {
    auto other_pair = test::tcp_pair();
    TestHandler other;
    BOOST_TEST(poller.add(pair.near.get(), watch, edges));
    BOOST_TEST(poller.add(other_pair.near.get(), other, edges));
    watch.act = [&] { poller.call_again(watch); };
    BOOST_TEST(turn_until([&] { return watch.told.size() > 100; }));
    other.told.clear();
    test::send_all(other_pair.far, "a");
    BOOST_TEST(turn_until([&] { return !other.told.empty(); }));
    watch.act = nullptr;
    settle();
}

BOOST_AUTO_TEST_CASE(a_watch_that_is_destroyed_is_not_called_again) {
    auto doomed = std::make_unique<TestHandler>();
    poller.call_again(*doomed);
    doomed.reset();
    BOOST_TEST(poller.add(pair.near.get(), watch, edges));
    BOOST_TEST(turn_until([&] { return !watch.told.empty(); }));
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_cannot_be_watched_is_refused) {
    const proxy::Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    BOOST_TEST(!poller.add(file.get(), watch, edges));
}

BOOST_AUTO_TEST_CASE(a_round_without_events_ends_at_its_limit) {
    const auto limit = proxy::Clock::now() + 20ms;
    BOOST_TEST(!run_round(limit));
    BOOST_TEST((poller.round_began() >= limit));
    // And at once where it has passed.
    BOOST_TEST(!run_round(limit));
}

BOOST_AUTO_TEST_CASE(a_limit_holds_after_an_earlier_one_and_a_later_one) {
    BOOST_TEST(poller.add(pair.near.get(), watch, edges));
    BOOST_TEST(run_round(proxy::Clock::now() + 1h));
    const auto limit = proxy::Clock::now() + 20ms;
    while (poller.round_began() < limit) run_round(limit);
    const auto next = proxy::Clock::now() + 20ms;
    while (poller.round_began() < next) run_round(next);
    BOOST_TEST(watch.told.size() == 1u);
}

BOOST_AUTO_TEST_CASE(lengthy_work_has_a_part_of_each_round_in_the_order_of_its_coming) {
    BOOST_TEST(poller.add(pair.near.get(), watch, edges));
    settle();
    std::string order;
    watch.act = [&] { order += 'e'; };
    std::vector<std::unique_ptr<TestHandler>> all;
    for (const char name : {'a', 'b', 'c'}) {
        TestHandler& one = *all.emplace_back(std::make_unique<TestHandler>());
        one.act = [&order, &one, this, name] {
            if (!poller.takes_turn(one)) return;
            order += name;
            // Longer than a round's part.
            const auto end = proxy::Clock::now() + 2 * Poller::longest_turns;
            while (proxy::Clock::now() < end) continue;
        };
        one.act();
        one.act();  // waits once
    }
    BOOST_TEST(order.empty());
    test::send_all(pair.far, "x");
    run_round({});
    BOOST_TEST(order == "ea");  // what is relayed comes first
    BOOST_TEST(!poller.takes_turn(*all[0]));
    all[1].reset();  // leaves the queue
    run_round({});
    BOOST_TEST(order == "eac");
    run_round({});
    BOOST_TEST(order == "eaca");
    BOOST_TEST(!run_round({}));
}

BOOST_AUTO_TEST_SUITE_END()
