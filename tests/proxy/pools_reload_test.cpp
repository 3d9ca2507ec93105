// A reload at any moment leaves a state and a reason that fit, and every question answered.
#include <thread>

#include <boost/test/unit_test.hpp>

#include "proxy/control/pools.h"
#include "ring/analysis.h"
#include "tests/proxy/states_rig.h"

using namespace ringway;
using namespace std::chrono_literals;
using health::Failure;
using proxy::AdminState;
using test::checked_pool;
using test::config;
using test::server;
using test::watched_pool;

BOOST_FIXTURE_TEST_SUITE(pools_reload, test::StatesRig)

BOOST_AUTO_TEST_CASE(checks_that_come_and_go_during_a_time_out_leave_its_reason) {
    const proxy::Fd down = test::bound_socket();
    auto watched = watched_pool({server("a", test::local_endpoint(down).to_string())});
    watched.passive->retry = watched.passive->retry_max = 60s;
    apply_pool(watched);
    report("a", Failure::connect, 3);
    turn();
    BOOST_TEST(detail("a") == "down: connections failed");
    watched.health = checked_pool({}).health;
    apply_pool(watched);
    BOOST_TEST(detail("a") == "down: connections failed");
    BOOST_TEST(turn_until([&] { return main().find("a")->health.checks()->failures > 0; }));
    BOOST_TEST(!is_online("a"));
    watched.health.reset();
    apply_pool(watched);
    BOOST_TEST(detail("a") == "down: connections failed");
    watched.passive.reset();
    apply_pool(watched);
    BOOST_TEST(detail("a") == "not checked");
    BOOST_TEST(is_online("a"));
    pools.stop();
}

BOOST_AUTO_TEST_CASE(checks_that_a_reload_adds_bring_a_server_back_from_its_time_out) {
    const proxy::Fd up = test::listening_socket();
    auto watched = watched_pool({server("a", test::local_endpoint(up).to_string())});
    watched.passive->retry = watched.passive->retry_max = 1h;
    apply_pool(watched);
    report("a", Failure::connect, 3);
    turn();
    BOOST_TEST(!is_online("a"));
    watched.health = checked_pool({}).health;
    apply_pool(watched);
    BOOST_TEST(detail("a") == "down: connections failed");
    BOOST_TEST(turn_until([&] { return is_online("a"); }));
    BOOST_TEST(detail("a") == "checked ok");
    // What they have shown holds where they end.
    watched.health.reset();
    apply_pool(watched);
    BOOST_TEST(detail("a") == "not checked");
    BOOST_TEST(is_online("a"));
    pools.stop();
}

BOOST_AUTO_TEST_CASE(a_check_that_goes_elsewhere_leaves_a_time_out) {
    const proxy::Fd down = test::bound_socket();
    auto watched = watched_pool({server("a", test::local_endpoint(down).to_string())});
    watched.health = checked_pool({}).health;
    watched.health->interval = 1h;
    watched.passive->retry = watched.passive->retry_max = 1h;
    apply_pool(watched);
    report("a", Failure::connect, 3);
    turn();
    BOOST_TEST(detail("a") == "down: connections failed");
    watched.servers[0].check_address = test::local_endpoint(down);
    watched.servers[0].check_address->port = 1;
    const auto draft = proxy::make_rings(pools.drafts_of(config({watched})));
    apply_pool(watched);
    BOOST_TEST(detail("a") == "down: connections failed");
    BOOST_TEST(!is_online("a"));
    BOOST_TEST(ring::fingerprint(*ring()) == ring::fingerprint(*draft.at("main")));
    pools.stop();
}

BOOST_AUTO_TEST_CASE(a_corrected_address_is_a_new_server_for_health_and_the_same_on_the_ring) {
    auto watched = watched_pool({server("a"), server("b")});
    watched.passive->retry = watched.passive->retry_max = 1h;
    apply_pool(watched);
    report("a", Failure::connect, 3);
    const auto before = ring();
    turn();
    BOOST_TEST(!is_online("a"));
    const auto old = ring();
    watched.servers[0].address = test::endpoint("192.0.2.9:90");
    const auto draft = proxy::make_rings(pools.drafts_of(config({watched})));
    apply_pool(watched);
    BOOST_TEST(is_online("a"));
    BOOST_TEST(detail("a") == "not checked");
    BOOST_TEST(ring::fingerprint(*ring()) == ring::fingerprint(*before));
    BOOST_TEST(ring::fingerprint(*ring()) == ring::fingerprint(*draft.at("main")));
    // What connections to the old address still tell counts for nothing.
    const auto* context = static_cast<const proxy::Server*>(old->find("a")->context.get());
    for (int i = 0; i < 3; ++i) context->failure_reports->report(Failure::connect);
    turn();
    BOOST_TEST(is_online("a"));
    pools.stop();
}

BOOST_AUTO_TEST_CASE(a_time_out_ends_as_the_settings_of_the_moment_say_or_by_hand) {
    auto watched = watched_pool({server("a")});
    watched.passive->retry = watched.passive->retry_max = 1h;
    apply_pool(watched);
    report("a", Failure::connect, 3);
    turn();
    BOOST_TEST(!is_online("a"));
    // A shorter one that is over ends with the reload, as planned.
    std::this_thread::sleep_for(2ms);
    watched.passive->retry = watched.passive->retry_max = 1ms;
    const auto draft = proxy::make_rings(pools.drafts_of(config({watched})));
    apply_pool(watched);
    BOOST_TEST(is_online("a"));
    BOOST_TEST(ring::fingerprint(*ring()) == ring::fingerprint(*draft.at("main")));
    watched.passive->retry = watched.passive->retry_max = 1h;
    apply_pool(watched);
    report("a", Failure::connect, 3);
    turn();
    BOOST_TEST(!is_online("a"));
    watched.passive->retry = watched.passive->retry_max = 50ms;
    apply_pool(watched);
    BOOST_TEST(turn_until([&] { return is_online("a"); }));

    watched.passive->retry = watched.passive->retry_max = 1h;
    apply_pool(watched);
    report("a", Failure::connect, 3);
    turn();
    BOOST_TEST(!is_online("a"));
    BOOST_TEST(pools.set_admin_state("main", "a", AdminState::automatic)
                   .has_value());  // says nothing of it
    BOOST_TEST(!is_online("a"));
    BOOST_TEST(pools.clear("main", "a").has_value());
    BOOST_TEST(is_online("a"));
    BOOST_TEST(pools.clear("main", "z").error().text == "pool main has no server z");
    pools.stop();
}

BOOST_AUTO_TEST_CASE(what_checks_know_is_cleared_by_hand) {
    const proxy::Fd down = test::bound_socket();
    auto checked = checked_pool({server("a", test::local_endpoint(down).to_string())});
    checked.health->interval = 1h;
    apply_pool(checked);
    BOOST_TEST(turn_until([&] { return !is_online("a"); }));
    BOOST_TEST(pools.clear("main", "a").has_value());
    BOOST_TEST(detail("a") == "not checked yet");
    BOOST_TEST(is_online("a"));
    BOOST_TEST(turn_until([&] { return !is_online("a"); }));
    BOOST_TEST(detail("a") == "down: refused");
    pools.stop();
}

BOOST_AUTO_TEST_SUITE_END()
