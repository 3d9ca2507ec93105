// What takes servers off and brings them back beside their checks, and by which steps.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "proxy/control/pools.h"
#include "tests/proxy/states_rig.h"
#include "tests/support/random.h"

using namespace ringway;
using namespace std::chrono_literals;
using health::Failure;
using proxy::AdminState;
using test::checked_pool;
using test::config;
using test::pool;
using test::server;
using test::Strings;
using test::watched_pool;

BOOST_FIXTURE_TEST_SUITE(pool_states, test::StatesRig)

BOOST_AUTO_TEST_CASE(a_word_by_hand_goes_over_what_is_known_until_auto) {
    const proxy::Fd down = test::bound_socket();
    apply_pool(checked_pool(
        {server("a", test::local_endpoint(down).to_string()), server("b", "192.0.2.1:80", 0)}));
    BOOST_TEST(turn_until([&] { return !is_online("a"); }));
    const auto say = [&](AdminState admin_state) {
        return pools.set_admin_state("main", "a", admin_state);
    };
    BOOST_TEST(say(AdminState::online).has_value());
    BOOST_TEST(is_online("a"));
    BOOST_TEST(detail("a") == "online by hand, down: refused");
    BOOST_TEST((ring()->find("a")->status == ring::Status::online));
    BOOST_TEST(say(AdminState::offline).has_value());
    BOOST_TEST(detail("a") == "offline by hand, down: refused");
    BOOST_TEST((ring()->find("a")->status == ring::Status::offline));
    BOOST_TEST(say(AdminState::drain).has_value());
    BOOST_TEST(detail("a") == "draining, down: refused");
    BOOST_TEST((ring()->find("a")->status == ring::Status::draining));
    BOOST_TEST(say(AdminState::automatic).has_value());
    BOOST_TEST(detail("a") == "down: refused");
    BOOST_TEST((ring()->find("a")->status == ring::Status::offline));
    pools.stop();
}

BOOST_AUTO_TEST_CASE(failing_connections_take_a_server_off_for_a_growing_time) {
    apply_pool(watched_pool({server("a"), server("b")}));
    auto away = 0ms;
    for (int round = 0; round < 2; ++round) {
        report("a", Failure::connect, 2);
        turn();
        BOOST_TEST(is_online("a"));
        const auto begin = proxy::Clock::now();
        report("a", Failure::connect);
        turn();
        BOOST_TEST(!is_online("a"));
        BOOST_TEST(detail("a") == "down: connections failed");
        BOOST_TEST(online() == (Strings{"b x1"}), boost::test_tools::per_element());
        BOOST_TEST(turn_until([&] { return is_online("a"); }));
        BOOST_TEST(detail("a") == "not checked");
        BOOST_CHECK(proxy::Clock::now() - begin > away);
        away += 200ms;
    }
    pools.stop();

    Strings seen;
    for (const auto& event : events.all()) {
        seen.push_back(std::string(to_string(event.kind)) + " " + event.pool + "/" + event.server +
                       " " + event.text);
    }
    BOOST_TEST(seen == (Strings{"server_down main/a connections failed, 3 in a row, for 200 ms",
                                "server_up main/a its time-out is over",
                                "server_down main/a connections failed, 3 in a row, for 400 ms",
                                "server_up main/a its time-out is over"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(who_asks_after_a_change_waits_for_it_before_its_ring_is_begun) {
    apply_pool(watched_pool({server("a"), server("b")}));
    report("a", Failure::connect, 3);
    io.restart();
    BOOST_TEST(io.poll_one() == 1u);  // the reports are heard; the ring is of the next turn
    BOOST_TEST(pools.find("main")->ring->is_online("a"));
    BOOST_TEST(detail("a") == "down: connections failed, on its way out of the ring");
    bool published = false;
    pools.when_published(nullptr, [&] { published = true; });
    BOOST_TEST(!published);
    turn();
    BOOST_TEST(published);
    BOOST_TEST(!pools.find("main")->ring->is_online("a"));
    BOOST_TEST(detail("a") == "down: connections failed");
    pools.stop();
}

BOOST_AUTO_TEST_CASE(a_success_between_failures_keeps_a_server) {
    apply_pool(watched_pool({server("a")}));
    for (int i = 0; i < 5; ++i) {
        report("a", Failure::connect, 2);
        report("a", Failure::early_reset, 2);
        turn();
        (*wanted("a").counts)[0].total.add(1);
        (*wanted("a").counts)[0].bytes_down.add(1);
    }
    BOOST_TEST(is_online("a"));
    // A connection alone is no success where servers break off after it.
    for (int i = 0; i < 3; ++i) {
        (*wanted("a").counts)[0].total.add(1);
        report("a", Failure::early_reset);
        turn();
    }
    BOOST_TEST(detail("a") == "down: early resets");
    pools.stop();
}

BOOST_AUTO_TEST_CASE(a_checked_server_that_fails_its_connections_comes_back_by_its_checks) {
    const proxy::Fd up = test::listening_socket();
    auto watched = watched_pool({server("a", test::local_endpoint(up).to_string())});
    watched.passive->retry = 10s;  // not asked for where there are checks
    watched.passive->retry_max = 10s;
    watched.health = checked_pool({}).health;
    apply_pool(watched);
    BOOST_TEST(turn_until([&] { return detail("a") == "checked ok"; }));
    report("a", Failure::connect, 3);
    BOOST_TEST(turn_until([&] { return !is_online("a"); }));
    BOOST_TEST(detail("a") == "down: connections failed");
    BOOST_TEST(turn_until([&] { return is_online("a"); }));
    BOOST_TEST(detail("a") == "checked ok");
    pools.stop();
}

BOOST_AUTO_TEST_CASE(workers_report_failures_only_to_passive_checks) {
    apply_pool(pool("main", {server("a")}));
    const auto trouble_of = [&] {
        const auto snapshot = ring();
        return static_cast<const proxy::Server*>(snapshot->find("a")->context.get())
            ->failure_reports;
    };
    BOOST_TEST(trouble_of() == nullptr);
    apply_pool(watched_pool({server("a")}));
    BOOST_TEST(trouble_of() != nullptr);
    report("a", Failure::connect, 3);
    turn();
    BOOST_TEST(!is_online("a"));
    apply_pool(pool("main", {server("a")}));
    BOOST_TEST(trouble_of() == nullptr);
    BOOST_TEST(is_online("a"));
}

BOOST_AUTO_TEST_CASE(a_panic_ignores_conditions_but_not_admin_states) {
    auto panicky = watched_pool(
        {server("a"), server("b"), server("c"), server("d"), server("idle", "192.0.2.1:80", 0)});
    panicky.panic = 0.5;
    panicky.passive->retry = panicky.passive->retry_max = 60s;
    apply_pool(panicky);
    BOOST_TEST(pools.set_admin_state("main", "d", AdminState::drain)
                   .has_value());  // counts on neither side
    const auto fail = [&](std::string_view id) {
        report(id, Failure::connect, 3);
        turn();
    };
    fail("a");
    BOOST_TEST(online() == (Strings{"b x1", "c x1", "idle x0"}), boost::test_tools::per_element());
    BOOST_TEST(!main().panics);
    fail("b");  // one of three is left
    BOOST_TEST(main().panics);
    BOOST_TEST(online() == (Strings{"a x1", "b x1", "c x1", "idle x0"}),
               boost::test_tools::per_element());
    BOOST_TEST(detail("a") == "down: connections failed, ignored in a panic");
    panicky.panic = 0.25;
    apply_pool(panicky);
    BOOST_TEST(!main().panics);
    BOOST_TEST(online() == (Strings{"c x1", "idle x0"}), boost::test_tools::per_element());
    fail("c");
    BOOST_TEST(main().panics);
    BOOST_TEST(ring()->point_count() == 3u * 16);
    pools.stop();
}

BOOST_AUTO_TEST_CASE(a_new_server_gets_its_points_step_by_step_and_only_its_own_keys) {
    auto slow = pool("main", {server("a"), server("b")});
    slow.hash.vnodes = 100;
    slow.slow_start = 200ms;
    apply_pool(slow);
    BOOST_TEST(points("a") == 100u);  // if all servers are new, none ramps
    std::vector<std::string> owners;
    const auto hash = [](std::uint64_t i) { return i * 0x9e3779b97f4a7c15; };
    for (std::uint64_t i = 0; i < 500; ++i) owners.push_back(ring()->owner(hash(i))->id);

    BOOST_TEST(pools.register_server("main", "new", test::endpoint("192.0.2.7:7"), 1).has_value());
    BOOST_TEST(points("new") == 5u);
    BOOST_TEST(detail("new") == "ramping, 5 % of its points");
    std::vector<std::uint32_t> steps;
    BOOST_TEST(turn_until([&] {
        const auto snapshot = ring();
        steps.push_back(points("new"));
        for (std::uint64_t i = 0; i < 500; ++i) {
            const std::string& owner = snapshot->owner(hash(i))->id;
            if (owner != "new") BOOST_REQUIRE(owner == owners[i]);
            owners[i] = owner;  // what has come to it stays
        }
        return points("new") == 100u;
    }));
    BOOST_TEST(std::is_sorted(steps.begin(), steps.end()));
    steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
    BOOST_TEST(steps.size() > 2u);
    BOOST_TEST(detail("new") == "not checked");
    pools.stop();
}

BOOST_AUTO_TEST_CASE(a_server_that_comes_back_ramps_and_a_reload_may_end_it) {
    auto slow = pool("main", {server("a"), server("b")});
    slow.slow_start = 60s;
    apply_pool(slow);
    BOOST_TEST(pools.set_admin_state("main", "a", AdminState::drain).has_value());
    BOOST_TEST(pools.set_admin_state("main", "a", AdminState::automatic).has_value());
    BOOST_TEST(points("a") == 1u);
    apply_pool(slow);
    BOOST_TEST(points("a") == 1u);
    slow.slow_start = 0s;
    apply_pool(slow);
    BOOST_TEST(points("a") == 16u);
    pools.stop();
}

BOOST_AUTO_TEST_CASE(connections_stay_where_nothing_else_is_asked) {
    apply_pool(watched_pool({server("a"), server("b")}));
    report("a", Failure::connect, 3);
    turn();
    BOOST_TEST(pools.unregister_server("main", "b").has_value());
    apply(config({}));
    BOOST_TEST(std::count(told.begin(), told.end(), "spare") ==
               static_cast<std::ptrdiff_t>(told.size()));
}

BOOST_AUTO_TEST_CASE(connections_end_as_the_pool_says) {
    using Way = conf::Leaving::Way;
    auto strict = watched_pool({server("a"), server("b"), server("c")});
    strict.on_down = {Way::drain, 7s};
    strict.on_removed = {Way::reset};
    apply_pool(strict);
    const auto now_told = [&] { return std::exchange(told, {}); };
    BOOST_TEST(pools.set_admin_state("main", "a", AdminState::drain).has_value());
    BOOST_TEST(now_told().empty());  // a drain lets old connections be
    BOOST_TEST(pools.set_admin_state("main", "a", AdminState::offline).has_value());
    BOOST_TEST(now_told() == (Strings{"depart server_down 7000"}),
               boost::test_tools::per_element());
    BOOST_TEST(pools.set_admin_state("main", "a", AdminState::automatic).has_value());
    BOOST_TEST(now_told() == (Strings{"spare"}), boost::test_tools::per_element());
    report("a", Failure::connect, 3);
    turn();
    BOOST_TEST(now_told() == (Strings{"depart server_down 7000"}),
               boost::test_tools::per_element());
    BOOST_TEST(turn_until([&] { return is_online("a"); }));
    BOOST_TEST(now_told() == (Strings{"spare"}), boost::test_tools::per_element());
    BOOST_TEST(pools.set_admin_state("main", "a", AdminState::offline).has_value());
    BOOST_TEST(now_told() == (Strings{"depart server_down 7000"}),
               boost::test_tools::per_element());
    BOOST_TEST(pools.unregister_server("main", "b").has_value());
    strict.servers = {server("a")};
    apply_pool(strict);
    BOOST_TEST(now_told() == (Strings{"depart server_removed 0", "depart server_removed 0"}),
               boost::test_tools::per_element());
    apply(config({}));
    BOOST_TEST(now_told() == (Strings{"depart server_removed 0"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(random_events_leave_on_the_ring_whom_a_simple_model_names) {
    struct Known {
        std::uint32_t failures = 0;  // in a row
        bool down = false;
        AdminState admin_state = AdminState::automatic;
    };
    test::SeededRandom random;
    const Strings ids{"a", "b", "c", "d"};
    for (int sequence = 0; sequence < 100; ++sequence) {
        auto watched = watched_pool({server("a"), server("b"), server("c"), server("d")});
        watched.passive->retry = watched.passive->retry_max = 1h;
        for (const std::string& id : ids) (void)pools.forget("main", id);  // where it has overrides
        apply(config({}));
        apply_pool(watched);
        std::map<std::string, Known> model;
        for (int event = 0; event < 100; ++event) {
            const std::string& id = ids[random.below(ids.size())];
            Known& known = model[id];
            switch (random.below(4)) {
                case 0:
                    known.admin_state = static_cast<AdminState>(random.below(4));
                    BOOST_TEST(pools.set_admin_state("main", id, known.admin_state).has_value());
                    break;
                case 1:
                    known.failures = 0;
                    (*wanted(id).counts)[0].total.add(1);
                    break;
                case 2:
                    watched.panic = static_cast<double>(random.below(3)) / 2;
                    apply_pool(watched);
                    break;
                default:
                    report(id, Failure::connect);
                    turn();
                    if (known.down || known.admin_state != AdminState::automatic) break;
                    known.down = ++known.failures == 3;
            }
            double up = 0, all = 0;
            for (const std::string& each : ids) {
                if (model[each].admin_state != AdminState::automatic) continue;
                ++all;
                up += model[each].down ? 0 : 1;
            }
            Strings expected;
            for (const std::string& each : ids) {
                const Known& one = model[each];
                const bool seems_up = !one.down || up < watched.panic * all;
                if (one.admin_state == AdminState::online ||
                    (one.admin_state == AdminState::automatic && seems_up)) {
                    expected.push_back(each + " x1");
                }
            }
            BOOST_REQUIRE(online() == expected);
        }
    }
    pools.stop();
}

BOOST_AUTO_TEST_SUITE_END()
