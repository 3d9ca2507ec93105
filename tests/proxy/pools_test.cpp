#include "proxy/control/pools.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include "ring/analysis.h"
#include "tests/proxy/pools_rig.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::AdminState;
using proxy::Pools;
using proxy::ServerSource;
using test::checked_pool;
using test::config;
using test::pool;
using test::server;
using test::Strings;

BOOST_FIXTURE_TEST_SUITE(pools, test::PoolsRig)

BOOST_AUTO_TEST_CASE(the_ring_is_what_the_file_says) {
    apply({server("a"), server("b", "192.0.2.2:80", 3)});
    BOOST_TEST(online() == (Strings{"a x1", "b x3"}), boost::test_tools::per_element());
    BOOST_TEST(address_of("b") == "192.0.2.2:80");
    BOOST_TEST(wanted("a").health.is_online());
    BOOST_TEST(pools.detail("main", "a") == "not checked");
    BOOST_TEST(!main().find("a")->health.checks().has_value());
}

BOOST_AUTO_TEST_CASE(the_same_file_again_changes_nothing) {
    apply({server("a"), server("b")});
    const auto generation = ring()->generation();
    apply({server("a"), server("b")});
    BOOST_TEST(ring()->generation() == generation);
}

BOOST_AUTO_TEST_CASE(servers_come_go_and_change_with_the_file_in_one_snapshot) {
    apply({server("a"), server("b")});
    const auto generation = ring()->generation();
    apply({server("b", "192.0.2.1:80", 5), server("c")});
    BOOST_TEST(online() == (Strings{"b x5", "c x1"}), boost::test_tools::per_element());
    BOOST_TEST(ring()->generation() == generation + 1);
}

BOOST_AUTO_TEST_CASE(a_new_address_moves_no_key_and_keeps_the_counts) {
    apply({server("a"), server("b")});
    const auto counts = wanted("a").counts;
    (*counts)[0].total.add(7);
    const auto before = ring();
    apply({server("a", "192.0.2.9:90"), server("b")});
    const auto after = ring();
    BOOST_TEST(address_of("a") == "192.0.2.9:90");
    BOOST_TEST(wanted("a").counts == counts);
    BOOST_TEST(sum(*wanted("a").counts, &proxy::ServerCounts::total) == 7u);
    for (std::uint64_t i = 0; i < 1000; ++i) {
        const std::uint64_t hash = i * 0x9e3779b97f4a7c15;
        BOOST_REQUIRE(before->owner(hash)->id == after->owner(hash)->id);
    }
}

BOOST_AUTO_TEST_CASE(new_hash_settings_make_a_new_ring_with_the_same_servers) {
    apply({server("a"), server("b")});
    BOOST_TEST(pools.set_admin_state("main", "b", AdminState::drain).has_value());
    const auto balancer = main().ring->balancer();
    auto other = pool("main", {server("a"), server("b")});
    other.hash.vnodes = 32;
    apply(config({other}));
    BOOST_TEST(main().ring->balancer() != balancer);
    BOOST_TEST(ring()->settings().vnodes == 32u);
    BOOST_TEST(online() == (Strings{"a x1"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(hash_settings_reach_the_ring) {
    auto one = pool("main", {server("a")});
    one.hash = {.algorithm = conf::HashSettings::Algorithm::maglev,
                .function = conf::HashSettings::Function::xxh3,
                .vnodes = 33,
                .balance_factor = 1.5,
                .seed = "secret"};
    apply(config({one}));
    const auto snapshot = ring();
    const ring::Settings& settings = snapshot->settings();
    BOOST_TEST((settings.algorithm == ring::Algorithm::maglev));
    BOOST_TEST((settings.key_hash == ring::KeyHash::xxh3));
    BOOST_TEST(settings.vnodes == 33u);
    BOOST_TEST(settings.balance_factor == 1.5);
    BOOST_TEST(settings.seed == "secret");
}

BOOST_AUTO_TEST_CASE(limits_of_the_file_reach_the_ring_and_change_there) {
    auto limited = server("a");
    limited.max_connections = 10;
    apply({limited});
    BOOST_TEST(ring()->find("a")->max_connections == 10u);
    limited.max_connections = 20;
    apply({limited});
    BOOST_TEST(ring()->find("a")->max_connections == 20u);
}

BOOST_AUTO_TEST_CASE(pools_come_and_go_with_the_file) {
    apply(config({pool("one", {server("a")}), pool("two", {server("b")})}));
    apply(config({pool("two", {server("b")})}));
    BOOST_TEST(pools.find("one") == nullptr);
    BOOST_TEST(pools.all().size() == 1u);
    apply(config({pool("one", {server("z")}), pool("two", {server("b")})}));
    BOOST_TEST(pools.find("one")->servers.contains("z"));
    BOOST_TEST(!pools.find("one")->servers.contains("a"));
}

BOOST_AUTO_TEST_CASE(a_server_registered_at_run_time_serves_at_once_and_survives_reloads) {
    apply({server("a")});
    BOOST_TEST(pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 2).has_value());
    BOOST_TEST(online() == (Strings{"a x1", "r x2"}), boost::test_tools::per_element());
    BOOST_TEST((wanted("r").desired.source == ServerSource::runtime));
    apply({server("a")});
    BOOST_TEST(online() == (Strings{"a x1", "r x2"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_file_that_names_a_registered_server_has_the_last_word) {
    apply({server("a")});
    BOOST_TEST(pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 2).has_value());
    apply({server("a"), server("r", "192.0.2.8:8", 4)});
    BOOST_TEST(online() == (Strings{"a x1", "r x4"}), boost::test_tools::per_element());
    BOOST_TEST(address_of("r") == "192.0.2.8:8");
    BOOST_TEST((wanted("r").desired.source == ServerSource::file));
    apply({server("a")});
    BOOST_TEST(online() == (Strings{"a x1"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_unregistered_server_of_the_file_stays_away_until_it_is_registered) {
    apply({server("a"), server("b")});
    BOOST_TEST(pools.unregister_server("main", "b").has_value());
    BOOST_TEST(online() == (Strings{"a x1"}), boost::test_tools::per_element());
    for (int i = 0; i < 2; ++i) {
        const auto file = config({pool("main", {server("a"), server("b")})});
        const Strings notes = pools.layers().notes_on(file);
        BOOST_TEST(notes.size() == 1u);
        BOOST_TEST(notes.front().find("b stays removed") != std::string::npos);
        apply(file);
        BOOST_TEST(online() == (Strings{"a x1"}), boost::test_tools::per_element());
    }
    BOOST_TEST(pools.register_server("main", "b", test::endpoint("192.0.2.3:3"), 1).has_value());
    BOOST_TEST(online() == (Strings{"a x1", "b x1"}), boost::test_tools::per_element());
    apply({server("a"), server("b")});
    BOOST_TEST(online() == (Strings{"a x1", "b x1"}), boost::test_tools::per_element());
    BOOST_TEST((wanted("b").desired.source == ServerSource::file));
}

BOOST_AUTO_TEST_CASE(the_last_word_at_run_time_holds_over_reloads) {
    apply({server("a"), server("b")});
    BOOST_TEST(pools.unregister_server("main", "b").has_value());
    BOOST_TEST(pools.register_server("main", "b", test::endpoint("192.0.2.3:3"), 1).has_value());
    BOOST_TEST(pools.unregister_server("main", "b").has_value());
    apply({server("a"), server("b")});
    BOOST_TEST(online() == (Strings{"a x1"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_server_that_left_the_file_is_new_when_it_comes_back) {
    apply({server("a"), server("b")});
    BOOST_TEST(pools.unregister_server("main", "b").has_value());
    apply({server("a")});
    apply({server("a"), server("b")});
    BOOST_TEST(online() == (Strings{"a x1", "b x1"}), boost::test_tools::per_element());
    // One that the file never named leaves nothing behind either.
    BOOST_TEST(pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 1).has_value());
    BOOST_TEST(pools.unregister_server("main", "r").has_value());
    apply({server("a"), server("r")});
    BOOST_TEST(online() == (Strings{"a x1", "r x1"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_drained_server_takes_no_keys_over_reloads_until_told_otherwise) {
    apply({server("a"), server("b")});
    BOOST_TEST(pools.set_admin_state("main", "b", AdminState::drain).has_value());
    BOOST_TEST(online() == (Strings{"a x1"}), boost::test_tools::per_element());
    BOOST_TEST(pools.detail("main", "b") == "draining");
    BOOST_TEST(!wanted("b").health.is_online());
    BOOST_TEST((ring()->find("b")->status == ring::Status::draining));
    apply({server("a"), server("b", "192.0.2.5:5", 2)});
    BOOST_TEST(online() == (Strings{"a x1"}), boost::test_tools::per_element());
    BOOST_TEST(pools.set_admin_state("main", "b", AdminState::automatic).has_value());
    BOOST_TEST(online() == (Strings{"a x1", "b x2"}), boost::test_tools::per_element());
    BOOST_TEST(wanted("b").health.is_online());
}

BOOST_AUTO_TEST_CASE(a_server_of_weight_0_is_there_without_keys) {
    apply({server("a"), server("b", "192.0.2.1:80", 0)});
    BOOST_TEST(pools.detail("main", "b") == "weight 0");
    BOOST_TEST(ring()->find("b")->points == 0u);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_done_at_run_time_is_refused_and_changes_nothing) {
    apply({server("a")});
    const auto generation = ring()->generation();
    const auto address = test::endpoint("192.0.2.7:7");
    BOOST_TEST(pools.register_server("none", "r", address, 1).error().text == "no pool none");
    BOOST_TEST(pools.register_server("main", "a", address, 1).error().text ==
               "pool main has a server a already");
    BOOST_TEST(pools.register_server("main", "r", address, 1001).has_error());
    BOOST_TEST(pools.register_server("main", "", address, 1).has_error());
    BOOST_TEST(pools.register_server("main", std::string(256, 'x'), address, 1).has_error());
    BOOST_TEST(pools.register_server("main", "\xff", address, 1).has_error());
    BOOST_TEST(pools.register_server("main", "a\nb", address, 1).has_error());
    BOOST_TEST(pools.unregister_server("none", "a").error().text == "no pool none");
    BOOST_TEST(pools.unregister_server("main", "z").error().text == "pool main has no server z");
    BOOST_TEST(pools.set_admin_state("none", "a", AdminState::drain).error().text ==
               "no pool none");
    BOOST_TEST(pools.set_admin_state("main", "z", AdminState::drain).error().text ==
               "pool main has no server z");
    BOOST_TEST(ring()->generation() == generation);
    BOOST_TEST(main().servers.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_file_that_does_not_fit_with_what_was_registered_is_refused_before_apply) {
    apply({server("a")});
    BOOST_TEST(pools.layers().check(config({pool("main", {server("a")})})).has_value());
    for (int i = 0; i < 17; ++i) {
        const std::string id = "r" + std::to_string(i);
        BOOST_TEST(
            pools.register_server("main", id, test::endpoint("192.0.2.7:7"), 1000).has_value());
    }
    // 17 x 1,000 x 1,024 points and more.
    auto dense = pool("main", {server("a")});
    dense.hash.vnodes = 1024;
    BOOST_TEST(pools.layers().check(config({dense})).has_error());
    BOOST_TEST(ring()->settings().vnodes == 16u);
}

BOOST_AUTO_TEST_CASE(overrides_of_a_removed_pool_apply_again_when_it_returns) {
    const auto file = config({pool("main", {server("a"), server("b")})});
    apply(file);
    BOOST_TEST(pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 2).has_value());
    BOOST_TEST(pools.unregister_server("main", "a").has_value());
    BOOST_TEST(pools.set_admin_state("main", "b", AdminState::drain).has_value());
    const auto overrides = pools.layers().overrides();
    apply(config({pool("other", {server("a")})}));
    BOOST_TEST((pools.layers().overrides() == overrides));
    BOOST_TEST(pools.layers().notes_on(config({})).size() == 1u);
    apply(file);
    BOOST_TEST(online() == (Strings{"r x2"}), boost::test_tools::per_element());
    // It can be forgotten while the pool is gone.
    apply(config({}));
    BOOST_TEST(pools.forget("main", "b").has_value());
    BOOST_TEST(pools.forget("main", "b").error().text == "no pool main");
    apply(file);
    BOOST_TEST(online() == (Strings{"b x1", "r x2"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_forgotten_is_as_the_file_says_at_once) {
    apply({server("a"), server("b")});
    BOOST_TEST(pools.forget("main", "a").error().text == "pool main: no server a has overrides");
    BOOST_TEST(pools.forget("none", "a").error().text == "no pool none");
    BOOST_TEST(pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 2).has_value());
    BOOST_TEST(pools.unregister_server("main", "a").has_value());
    BOOST_TEST(pools.set_admin_state("main", "b", AdminState::offline).has_value());
    BOOST_TEST(online() == (Strings{"r x2"}), boost::test_tools::per_element());
    for (const auto* id : {"r", "a", "b"}) BOOST_TEST(pools.forget("main", id).has_value());
    BOOST_TEST(online() == (Strings{"a x1", "b x1"}), boost::test_tools::per_element());
    BOOST_TEST(pools.layers().overrides().empty());
    // One of the file that was registered anew is the file's again.
    BOOST_TEST(pools.unregister_server("main", "a").has_value());
    BOOST_TEST(pools.register_server("main", "a", test::endpoint("192.0.2.9:9"), 5).has_value());
    BOOST_TEST(address_of("a") == "192.0.2.9:9");
    BOOST_TEST(pools.forget("main", "a").has_value());
    BOOST_TEST(online() == (Strings{"a x1", "b x1"}), boost::test_tools::per_element());
    BOOST_TEST(address_of("a") == "192.0.2.1:80");
    BOOST_TEST((wanted("a").desired.source == ServerSource::file));
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_fit_back_stays_forgotten_by_nobody) {
    auto dense = pool("main", {server("a", "192.0.2.1:80", 1000)});
    dense.hash.vnodes = 16'384;
    apply(config({dense}));
    BOOST_TEST(pools.unregister_server("main", "a").has_value());
    BOOST_TEST(pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 100).has_value());
    const auto overrides = pools.layers().overrides();
    BOOST_TEST(pools.forget("main", "a").has_error());
    BOOST_TEST((pools.layers().overrides() == overrides));
    BOOST_TEST(online() == (Strings{"r x100"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(overrides_apply_from_the_start) {
    pools.set_overrides({{"main",
                          {{"a", {.unregistered = true}},
                           {"b", {.admin_state = AdminState::drain}},
                           {"c", {.admin_state = AdminState::drain}},  // nobody names it
                           {"r",
                            {.registered = proxy::ServerOverrides::Registration{
                                 test::endpoint("192.0.2.7:7"), 3}}}}}});
    apply({server("a"), server("b")});
    BOOST_TEST(online() == (Strings{"r x3"}), boost::test_tools::per_element());
    BOOST_TEST(pools.layers().overrides().at("main").size() == 3u);
    BOOST_TEST(wanted("r").health.ramp() == ring::full_ramp);
}

BOOST_AUTO_TEST_CASE(rings_after_a_configuration_are_those_that_it_leads_to) {
    apply({server("a"), server("b", "192.0.2.2:80", 3)});
    BOOST_TEST(pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 2).has_value());
    BOOST_TEST(pools.set_admin_state("main", "b", AdminState::offline).has_value());
    auto other = pool("main", {server("a", "192.0.2.1:80", 2), server("b"), server("c")});
    for (const std::uint32_t vnodes : {16u, 32u}) {
        other.hash.vnodes = vnodes;
        const auto next = config({other, pool("new", {server("n")})});
        const auto before = ring();
        const auto rings = proxy::make_rings(pools.drafts_of(next));
        BOOST_TEST(ring() == before);
        BOOST_TEST(pools.find("new") == nullptr);
        apply(next);
        for (const auto* name : {"main", "new"}) {
            const auto now = pools.find(name)->ring->snapshot();
            BOOST_TEST(ring::fingerprint(*rings.find(name)->second) == ring::fingerprint(*now));
        }
        apply(config({pool("main", {server("a"), server("b", "192.0.2.2:80", 3)})}));
    }
}

BOOST_AUTO_TEST_CASE(checks_take_servers_off_and_bring_them_back) {
    proxy::Fd up = test::listening_socket();
    const proxy::Fd down = test::bound_socket();
    const auto a = server("a", test::local_endpoint(up).to_string());
    const auto b = server("b", test::local_endpoint(down).to_string());
    apply(config({checked_pool({a, b})}));
    BOOST_TEST(online() == (Strings{"a x1", "b x1"}), boost::test_tools::per_element());
    BOOST_TEST(pools.detail("main", "a") == "not checked yet");

    BOOST_TEST(turn_until([&] { return online() == Strings{"a x1"}; }));
    BOOST_TEST(pools.detail("main", "b") == "down: refused");
    BOOST_TEST(turn_until([&] { return pools.detail("main", "a") == "checked ok"; }));
    // What is known survives a reload.
    apply(config({checked_pool({a, b})}));
    BOOST_TEST(online() == (Strings{"a x1"}), boost::test_tools::per_element());

    BOOST_TEST(pools.set_admin_state("main", "b", AdminState::drain).has_value());
    BOOST_TEST(pools.detail("main", "b") == "draining, down: refused");
    test::start_listening(down);
    BOOST_TEST(turn_until([&] { return pools.detail("main", "b") == "draining"; }));
    BOOST_TEST(online() == (Strings{"a x1"}), boost::test_tools::per_element());
    BOOST_TEST(pools.set_admin_state("main", "b", AdminState::automatic).has_value());
    BOOST_TEST(online() == (Strings{"a x1", "b x1"}), boost::test_tools::per_element());

    up.close();
    BOOST_TEST(turn_until([&] { return online() == Strings{"b x1"}; }));
    // Without checks every server counts as up.
    apply(config({pool("main", {a, b})}));
    BOOST_TEST(online() == (Strings{"a x1", "b x1"}), boost::test_tools::per_element());
    pools.stop();
}

BOOST_AUTO_TEST_SUITE_END()
