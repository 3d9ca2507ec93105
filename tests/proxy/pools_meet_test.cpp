// Where two features of a pool meet: checks, time-outs, slow starts, panic, reloads and changes
// at run time.
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "ring/analysis.h"
#include "tests/proxy/states_rig.h"

using namespace ringway;
using namespace std::chrono_literals;
using health::Failure;
using test::config;
using test::pool;
using test::server;
using test::Strings;
using test::watched_pool;

namespace {

using Initial = conf::HealthSettings::Initial;

// No check of these comes to an end while a test runs.
conf::Pool slowly_checked(std::vector<conf::Server> servers, Initial initial) {
    conf::Pool made = pool("main", std::move(servers));
    made.health = conf::HealthSettings{.interval = 1h, .timeout = 1h, .initial = initial};
    return made;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pools_meet, test::StatesRig)

BOOST_AUTO_TEST_CASE(a_first_check_that_fails_counts_for_panic_at_once) {
    const proxy::Fd down = test::bound_socket();
    conf::Pool wanted = test::checked_pool({server("a", test::local_endpoint(down).to_string())});
    wanted.health->initial = Initial::down;
    wanted.panic = 1;
    apply_pool(wanted);
    BOOST_TEST(!is_online("a"));
    BOOST_TEST(turn_until([&] { return is_online("a"); }));
    BOOST_TEST(detail("a") == "down: refused, ignored in a panic");
    BOOST_TEST(events.all().front().text == "connect: Connection refused, first check");
    pools.stop();
}

BOOST_AUTO_TEST_CASE(exactly_its_share_is_no_panic) {
    for (const std::size_t all : {25u, 50u, 75u, 100u}) {
        for (std::size_t up = 0; up <= all; ++up) {
            const double share = static_cast<double>(up) / static_cast<double>(all);
            BOOST_TEST(!health::panics(up, all, share));
            if (up > 0) BOOST_TEST(health::panics(up - 1, all, share));
        }
    }
    BOOST_TEST(!health::panics(0, 0, 1));
}

BOOST_AUTO_TEST_CASE(a_new_address_is_new_to_a_check_of_another_machine_too) {
    auto a = server("a", "192.0.2.1:80");
    a.check_address = test::endpoint("192.0.2.99:81");
    conf::Pool wanted = slowly_checked({a, server("b")}, Initial::up);
    wanted.passive = {.failures = 3, .retry = 1h, .retry_max = 1h};
    apply_pool(wanted);
    report("a", Failure::connect, 3);
    turn();
    BOOST_TEST(detail("a") == "down: connections failed");
    BOOST_TEST(pools.set_address("main", "a", test::endpoint("192.0.2.7:80")).has_value());
    BOOST_TEST(detail("a") == "not checked yet");
    wanted.health->initial = Initial::down;
    apply_pool(wanted);
    BOOST_TEST(is_online("a"));
    BOOST_TEST(pools.set_address("main", "a", test::endpoint("192.0.2.8:80")).has_value());
    BOOST_TEST(!is_online("a"));
    pools.stop();
}

BOOST_AUTO_TEST_CASE(who_waits_for_its_first_check_waits_on_where_it_goes_elsewhere) {
    auto a = server("a", "192.0.2.1:80");
    apply_pool(slowly_checked({a}, Initial::down));
    BOOST_TEST(!is_online("a"));
    a.check_address = test::endpoint("192.0.2.1:81");
    apply_pool(slowly_checked({a}, Initial::down));
    BOOST_TEST(!is_online("a"));
    apply_pool(slowly_checked({a}, Initial::up));
    BOOST_TEST(is_online("a"));
    pools.stop();
}

BOOST_AUTO_TEST_CASE(first_servers_come_without_a_slow_start_also_when_their_checks_end) {
    conf::Pool wanted = slowly_checked({server("a"), server("b")}, Initial::down);
    wanted.slow_start = 1h;
    apply_pool(wanted);
    BOOST_TEST(online().empty());
    wanted.health.reset();
    apply_pool(wanted);
    BOOST_TEST(points("a") == 16u);
    BOOST_TEST(points("b") == 16u);
    pools.stop();
}

BOOST_AUTO_TEST_CASE(several_that_are_the_first_of_a_pool_come_alike) {
    conf::Pool wanted = pool("main", {});
    wanted.slow_start = 1h;
    apply_pool(wanted);
    BOOST_TEST(pools
                   .register_servers("main", {{"r", test::endpoint("192.0.2.1:80"), 1},
                                              {"s", test::endpoint("192.0.2.2:80"), 1}})
                   .has_value());
    BOOST_TEST(points("r") == 16u);
    BOOST_TEST(points("s") == 16u);
    BOOST_TEST(pools.register_server("main", "t", test::endpoint("192.0.2.3:80"), 1).has_value());
    BOOST_TEST(points("t") < 16u);
    pools.stop();
}

BOOST_AUTO_TEST_CASE(a_plan_has_the_ramps_of_its_moment) {
    conf::Pool wanted = pool("main", {server("a")});
    wanted.slow_start = 1h;
    apply_pool(wanted);
    BOOST_TEST(pools.register_server("main", "r", test::endpoint("192.0.2.1:80"), 1).has_value());
    BOOST_TEST(points("r") < 16u);
    for (const auto slow_start : {0ms, 1ms}) {
        wanted.slow_start = slow_start;
        const auto later = proxy::Clock::now() + 2ms;
        BOOST_TEST(turn_until([&] { return proxy::Clock::now() > later; }));
        const auto planned = proxy::make_rings(pools.drafts_of(config({wanted})));
        BOOST_TEST(planned.at("main")->find("r")->points == 16u);
    }
    pools.stop();
}

BOOST_AUTO_TEST_SUITE_END()
