// Rings that are worked out while more is asked for.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "proxy/control/pools.h"
#include "ring/analysis.h"
#include "tests/proxy/pools_rig.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::AdminState;
using proxy::Pools;
using test::config;
using test::pool;
using test::server;
using test::Strings;

namespace {

// Rings that are worked out when the test says so.
struct Later final : proxy::Background {
    void run(Step work, Step then) override {
        steps.push_back([work = std::move(work), then = std::move(then)] {
            work();
            then();
        });
    }
    void finish_one() {
        const Step step = std::move(steps.front());
        steps.erase(steps.begin());
        step();
    }
    std::vector<Step> steps;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pools_publish, test::PoolsRig)

BOOST_AUTO_TEST_CASE(changes_while_a_ring_is_worked_out_are_one_more_ring) {
    Later later;
    Pools slow(io, 1, events, later, {});
    const auto ring_now = [&] { return slow.find("main")->ring->snapshot(); };
    slow.apply(config({pool("main", {server("a")})}));
    BOOST_TEST(ring_now()->members().empty());
    bool published = false;
    slow.when_published(nullptr, [&] { published = true; });
    for (int i = 0; i < 100; ++i) {
        BOOST_TEST(
            slow.register_server("main", "r" + std::to_string(i), test::endpoint("192.0.2.7:7"), 1)
                .has_value());
    }
    BOOST_TEST(slow.set_admin_state("main", "a", AdminState::drain).has_value());
    BOOST_TEST(!slow.find("main")->servers.at("a").health.is_online());
    BOOST_TEST(later.steps.size() == 1u);
    BOOST_TEST(!published);
    later.finish_one();
    BOOST_TEST(published);
    BOOST_TEST(ring_now()->members().size() == 1u);
    BOOST_TEST(later.steps.size() == 1u);
    later.finish_one();
    BOOST_TEST(later.steps.empty());
    BOOST_TEST(ring_now()->members().size() == 101u);
    BOOST_TEST((ring_now()->find("a")->status == ring::Status::draining));
}

BOOST_AUTO_TEST_CASE(a_ring_with_other_settings_serves_once_it_is_whole) {
    Later later;
    Pools slow(io, 1, events, later, {});
    auto one = pool("main", {server("a"), server("b")});
    slow.apply(config({one}));
    later.finish_one();
    const auto serving = slow.find("main")->ring->balancer();
    for (const std::uint32_t vnodes : {32u, 64u}) {  // the second while the first is under way
        one.hash.vnodes = vnodes;
        slow.apply(config({one}));
        BOOST_TEST(slow.find("main")->ring->balancer() == serving);
    }
    bool published = false;
    slow.when_published(nullptr, [&] { published = true; });
    while (!later.steps.empty()) later.finish_one();
    BOOST_TEST(published);
    BOOST_TEST(slow.find("main")->ring->snapshot()->settings().vnodes == 64u);
    BOOST_TEST(slow.find("main")->ring->snapshot()->members().size() == 2u);
    // One whose pool is gone when it is done.
    one.hash.vnodes = 8;
    slow.apply(config({one}));
    slow.drop_others(config({}));
    slow.apply(config({pool("main", {server("c")})}));
    while (!later.steps.empty()) later.finish_one();
    BOOST_TEST((slow.find("main")->ring->snapshot()->find("c") != nullptr));
}

BOOST_AUTO_TEST_CASE(a_plan_during_a_change_of_settings_is_of_the_ring_that_comes) {
    Later later;
    Pools slow(io, 1, events, later, {});
    auto one = pool("main", {server("a"), server("b")});
    one.hash.algorithm = conf::HashSettings::Algorithm::maglev;
    slow.apply(config({one}));
    later.finish_one();
    one.hash.algorithm = conf::HashSettings::Algorithm::ring;
    one.slow_start = 1h;
    slow.apply(config({one}));
    BOOST_TEST(slow.set_admin_state("main", "a", AdminState::offline).has_value());
    BOOST_TEST(slow.set_admin_state("main", "a", AdminState::automatic)
                   .has_value());  // back, with few of its points
    BOOST_TEST(slow.find("main")->servers.at("a").health.ramp() < ring::full_ramp);
    const auto draft = proxy::make_rings(slow.drafts_of(config({one})));
    while (!later.steps.empty()) later.finish_one();
    BOOST_TEST(ring::fingerprint(*slow.find("main")->ring->snapshot()) ==
               ring::fingerprint(*draft.at("main")));
}

BOOST_AUTO_TEST_CASE(a_removed_server_is_shown_while_the_ring_has_it) {
    Later later;
    Pools slow(io, 1, events, later, {});
    slow.apply(config({pool("main", {server("a"), server("b")})}));
    later.finish_one();
    BOOST_TEST(slow.unregister_server("main", "b").has_value());
    BOOST_TEST((slow.find("main")->ring->snapshot()->find("b") != nullptr));
    BOOST_TEST(slow.detail("main", "b") == "removed");
    BOOST_TEST(slow.detail("main", "a") == "not checked");
}

BOOST_AUTO_TEST_CASE(a_server_is_online_once_the_ring_that_serves_says_so) {
    Later later;
    Pools slow(io, 1, events, later, {});
    slow.apply(config({pool("main", {server("a"), server("b")})}));
    const auto& main = *slow.find("main");
    BOOST_TEST(!main.ring->is_online("a"));
    BOOST_TEST(main.online() == 0u);
    BOOST_TEST(slow.detail("main", "a") == "not checked, on its way into the ring");
    later.finish_one();
    BOOST_TEST(main.online() == 2u);
    BOOST_TEST(slow.detail("main", "a") == "not checked");
    BOOST_TEST(slow.set_admin_state("main", "a", AdminState::drain).has_value());
    BOOST_TEST(main.ring->is_online("a"));
    BOOST_TEST(slow.detail("main", "a") == "draining, on its way out of the ring");
    BOOST_TEST(slow.unregister_server("main", "b").has_value());
    BOOST_TEST(main.online() == 1u);  // of the servers that there are
    while (!later.steps.empty()) later.finish_one();
    BOOST_TEST(!main.ring->is_online("a"));
    BOOST_TEST(slow.detail("main", "a") == "draining");
}

BOOST_AUTO_TEST_CASE(waiters_for_a_removed_pool_are_notified) {
    Later later;
    Pools slow(io, 1, events, later, {});
    slow.apply(config({pool("main", {server("a")}), pool("other", {server("b")})}));
    while (!later.steps.empty()) later.finish_one();
    for (int i = 0; i < 3; ++i) {
        BOOST_TEST(slow.set_weight("other", "b", static_cast<std::uint32_t>(2 + i)).has_value());
        BOOST_TEST(slow.set_weight("main", "a", static_cast<std::uint32_t>(2 + i)).has_value());
    }
    int times = 0;
    slow.when_published(nullptr, [&] { ++times; });
    later.finish_one();
    later.finish_one();
    BOOST_TEST(times == 0);
    // It goes while its ring is worked out, and comes back: another pool, for who waits.
    slow.drop_others(config({pool("main", {})}));
    slow.when_published(nullptr, [&] { ++times; });
    slow.apply(config({pool("main", {server("a")}), pool("other", {server("b")})}));
    slow.when_published(nullptr, [&] { ++times; });
    while (!later.steps.empty()) later.finish_one();
    BOOST_TEST(times == 3);
    // The last thing to wait for.
    BOOST_TEST(slow.set_weight("other", "b", 7).has_value());
    slow.when_published(nullptr, [&] { ++times; });
    slow.drop_others(config({pool("main", {})}));
    BOOST_TEST(times == 4);
}

BOOST_AUTO_TEST_CASE(connections_of_a_server_end_once_the_ring_is_without_it) {
    Later later;
    Strings done;
    Pools slow(
        io, 1, events, later,
        {.evict = [&](const proxy::Eviction& each) { done.push_back(to_string(each.reason)); },
         .cancel_eviction = [&](const auto&) { done.push_back("spare"); }});
    auto one = pool("main", {server("a"), server("b")});
    one.on_down = one.on_removed = {.way = conf::Leaving::Way::reset};
    slow.apply(config({one}));
    later.finish_one();
    BOOST_TEST(slow.set_admin_state("main", "a", AdminState::offline).has_value());
    BOOST_TEST(slow.unregister_server("main", "b").has_value());
    BOOST_TEST(done.empty());
    later.finish_one();
    BOOST_TEST(done == (Strings{"server_down"}), boost::test_tools::per_element());
    later.finish_one();
    BOOST_TEST(done == (Strings{"server_down", "server_removed"}),
               boost::test_tools::per_element());
    // Back before it was off the ring: nobody is cut.
    done.clear();
    BOOST_TEST(slow.set_admin_state("main", "a", AdminState::automatic).has_value());
    BOOST_TEST(slow.set_admin_state("main", "a", AdminState::offline).has_value());
    BOOST_TEST(slow.set_admin_state("main", "a", AdminState::automatic).has_value());
    while (!later.steps.empty()) later.finish_one();
    BOOST_TEST(std::count(done.begin(), done.end(), "server_down") == 0);
}

BOOST_AUTO_TEST_CASE(a_ring_that_cannot_be_made_leaves_the_one_that_serves) {
    apply({server("a")});
    const auto before = ring();
    auto dense = server("b");
    dense.weight = 1'000'000'000;  // more than ServerLayers::check() would have let in
    apply({server("a"), dense});
    BOOST_TEST(ring() == before);
    apply({server("a"), server("b")});
    BOOST_TEST(online() == (Strings{"a x1", "b x1"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
