#include "proxy/pools.h"

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
using proxy::Override;
using proxy::Pools;
using proxy::WantedServer;
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
    BOOST_TEST(wanted("a").online);
    BOOST_TEST(pools.detail("main", "a") == "not checked");
    BOOST_TEST(!pools.health("main", "a").has_value());
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
    BOOST_TEST(!pools.set_override("main", "b", Override::drain).has_value());
    const auto balancer = main().balancer;
    auto other = pool("main", {server("a"), server("b")});
    other.hash.vnodes = 32;
    apply(config({other}));
    BOOST_TEST(main().balancer != balancer);
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
    BOOST_TEST(!pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 2).has_value());
    BOOST_TEST(online() == (Strings{"a x1", "r x2"}), boost::test_tools::per_element());
    BOOST_TEST((wanted("r").source == WantedServer::Source::runtime));
    apply({server("a")});
    BOOST_TEST(online() == (Strings{"a x1", "r x2"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_file_that_names_a_registered_server_has_the_last_word) {
    apply({server("a")});
    pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 2);
    apply({server("a"), server("r", "192.0.2.8:8", 4)});
    BOOST_TEST(online() == (Strings{"a x1", "r x4"}), boost::test_tools::per_element());
    BOOST_TEST(address_of("r") == "192.0.2.8:8");
    BOOST_TEST((wanted("r").source == WantedServer::Source::file));
    apply({server("a")});
    BOOST_TEST(online() == (Strings{"a x1"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_unregistered_server_of_the_file_stays_away_until_it_is_registered) {
    apply({server("a"), server("b")});
    BOOST_TEST(!pools.unregister_server("main", "b").has_value());
    BOOST_TEST(online() == (Strings{"a x1"}), boost::test_tools::per_element());
    for (int i = 0; i < 2; ++i) {
        const auto file = config({pool("main", {server("a"), server("b")})});
        const Strings notes = pools.notes_on(file);
        BOOST_TEST(notes.size() == 1u);
        BOOST_TEST(notes.front().find("b stays away") != std::string::npos);
        apply(file);
        BOOST_TEST(online() == (Strings{"a x1"}), boost::test_tools::per_element());
    }
    pools.register_server("main", "b", test::endpoint("192.0.2.3:3"), 1);
    BOOST_TEST(online() == (Strings{"a x1", "b x1"}), boost::test_tools::per_element());
    apply({server("a"), server("b")});
    BOOST_TEST(online() == (Strings{"a x1", "b x1"}), boost::test_tools::per_element());
    BOOST_TEST((wanted("b").source == WantedServer::Source::file));
}

BOOST_AUTO_TEST_CASE(the_last_word_at_run_time_holds_over_reloads) {
    apply({server("a"), server("b")});
    pools.unregister_server("main", "b");
    pools.register_server("main", "b", test::endpoint("192.0.2.3:3"), 1);
    pools.unregister_server("main", "b");
    apply({server("a"), server("b")});
    BOOST_TEST(online() == (Strings{"a x1"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_server_that_left_the_file_is_new_when_it_comes_back) {
    apply({server("a"), server("b")});
    pools.unregister_server("main", "b");
    apply({server("a")});
    apply({server("a"), server("b")});
    BOOST_TEST(online() == (Strings{"a x1", "b x1"}), boost::test_tools::per_element());
    // One that the file never named leaves nothing behind either.
    pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 1);
    pools.unregister_server("main", "r");
    apply({server("a"), server("r")});
    BOOST_TEST(online() == (Strings{"a x1", "r x1"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_drained_server_takes_no_keys_over_reloads_until_told_otherwise) {
    apply({server("a"), server("b")});
    BOOST_TEST(!pools.set_override("main", "b", Override::drain).has_value());
    BOOST_TEST(online() == (Strings{"a x1"}), boost::test_tools::per_element());
    BOOST_TEST(pools.detail("main", "b") == "draining");
    BOOST_TEST(!wanted("b").online);
    BOOST_TEST((ring()->find("b")->status == ring::Status::draining));
    apply({server("a"), server("b", "192.0.2.5:5", 2)});
    BOOST_TEST(online() == (Strings{"a x1"}), boost::test_tools::per_element());
    pools.set_override("main", "b", Override::automatic);
    BOOST_TEST(online() == (Strings{"a x1", "b x2"}), boost::test_tools::per_element());
    BOOST_TEST(wanted("b").online);
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
    BOOST_TEST(pools.register_server("none", "r", address, 1).value() == "no pool none");
    BOOST_TEST(pools.register_server("main", "a", address, 1).value() ==
               "pool main has a server a already");
    BOOST_TEST(pools.register_server("main", "r", address, 1001).has_value());
    BOOST_TEST(pools.register_server("main", "", address, 1).has_value());
    BOOST_TEST(pools.register_server("main", std::string(256, 'x'), address, 1).has_value());
    BOOST_TEST(pools.register_server("main", "\xff", address, 1).has_value());
    BOOST_TEST(pools.register_server("main", "a\nb", address, 1).has_value());
    BOOST_TEST(pools.unregister_server("none", "a").value() == "no pool none");
    BOOST_TEST(pools.unregister_server("main", "z").value() == "pool main has no server z");
    BOOST_TEST(pools.set_override("none", "a", Override::drain).value() == "no pool none");
    BOOST_TEST(pools.set_override("main", "z", Override::drain).value() ==
               "pool main has no server z");
    BOOST_TEST(ring()->generation() == generation);
    BOOST_TEST(main().servers.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_file_that_does_not_fit_with_what_was_registered_is_refused_before_apply) {
    apply({server("a")});
    BOOST_TEST(!pools.refusal(config({pool("main", {server("a")})})).has_value());
    for (int i = 0; i < 17; ++i) {
        const std::string id = "r" + std::to_string(i);
        BOOST_TEST(!pools.register_server("main", id, test::endpoint("192.0.2.7:7"), 1000));
    }
    // 17 x 1,000 x 1,024 points and more.
    auto dense = pool("main", {server("a")});
    dense.hash.vnodes = 1024;
    BOOST_TEST(pools.refusal(config({dense})).has_value());
    BOOST_TEST(ring()->settings().vnodes == 16u);
}

BOOST_AUTO_TEST_CASE(what_was_said_of_a_pool_that_is_gone_counts_again_when_it_is_back) {
    const auto file = config({pool("main", {server("a"), server("b")})});
    apply(file);
    pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 2);
    pools.unregister_server("main", "a");
    pools.set_override("main", "b", Override::drain);
    const auto said = pools.said();
    apply(config({pool("other", {server("a")})}));
    BOOST_TEST((pools.said() == said));
    BOOST_TEST(pools.notes_on(config({})).size() == 1u);
    apply(file);
    BOOST_TEST(online() == (Strings{"r x2"}), boost::test_tools::per_element());
    // It can be forgotten while the pool is gone.
    apply(config({}));
    BOOST_TEST(!pools.forget("main", "b").has_value());
    BOOST_TEST(pools.forget("main", "b").value() == "no pool main");
    apply(file);
    BOOST_TEST(online() == (Strings{"b x1", "r x2"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_forgotten_is_as_the_file_says_at_once) {
    apply({server("a"), server("b")});
    BOOST_TEST(pools.forget("main", "a").value() ==
               "pool main: nothing was said of a server a at run time");
    BOOST_TEST(pools.forget("none", "a").value() == "no pool none");
    pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 2);
    pools.unregister_server("main", "a");
    pools.set_override("main", "b", Override::offline);
    BOOST_TEST(online() == (Strings{"r x2"}), boost::test_tools::per_element());
    for (const auto* id : {"r", "a", "b"}) BOOST_TEST(!pools.forget("main", id).has_value());
    BOOST_TEST(online() == (Strings{"a x1", "b x1"}), boost::test_tools::per_element());
    BOOST_TEST(pools.said().empty());
    // One of the file that was registered anew is the file's again.
    pools.unregister_server("main", "a");
    pools.register_server("main", "a", test::endpoint("192.0.2.9:9"), 5);
    BOOST_TEST(address_of("a") == "192.0.2.9:9");
    BOOST_TEST(!pools.forget("main", "a").has_value());
    BOOST_TEST(online() == (Strings{"a x1", "b x1"}), boost::test_tools::per_element());
    BOOST_TEST(address_of("a") == "192.0.2.1:80");
    BOOST_TEST((wanted("a").source == WantedServer::Source::file));
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_fit_back_stays_forgotten_by_nobody) {
    auto dense = pool("main", {server("a", "192.0.2.1:80", 1000)});
    dense.hash.vnodes = 16'384;
    apply(config({dense}));
    pools.unregister_server("main", "a");
    BOOST_TEST(!pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 100));
    const auto said = pools.said();
    BOOST_TEST(pools.forget("main", "a").has_value());
    BOOST_TEST((pools.said() == said));
    BOOST_TEST(online() == (Strings{"r x100"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_was_said_before_the_start_counts_from_the_start) {
    pools.set_said(
        {{"main",
          {{"a", {.unregistered = true}},
           {"b", {.by_hand = Override::drain}},
           {"c", {.by_hand = Override::drain}},  // nobody names it
           {"r", {.registered = proxy::Said::Registration{test::endpoint("192.0.2.7:7"), 3}}}}}});
    apply({server("a"), server("b")});
    BOOST_TEST(online() == (Strings{"r x3"}), boost::test_tools::per_element());
    BOOST_TEST(pools.said().at("main").size() == 3u);
    BOOST_TEST(wanted("r").ramp == ring::full_ramp);
}

BOOST_AUTO_TEST_CASE(rings_after_a_configuration_are_those_that_it_leads_to) {
    apply({server("a"), server("b", "192.0.2.2:80", 3)});
    pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 2);
    pools.set_override("main", "b", Override::offline);
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
            const auto now = pools.find(name)->balancer->snapshot();
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

    pools.set_override("main", "b", Override::drain);
    BOOST_TEST(pools.detail("main", "b") == "draining, down: refused");
    test::start_listening(down);
    BOOST_TEST(turn_until([&] { return pools.detail("main", "b") == "draining"; }));
    BOOST_TEST(online() == (Strings{"a x1"}), boost::test_tools::per_element());
    pools.set_override("main", "b", Override::automatic);
    BOOST_TEST(online() == (Strings{"a x1", "b x1"}), boost::test_tools::per_element());

    up.close();
    BOOST_TEST(turn_until([&] { return online() == Strings{"b x1"}; }));
    // Without checks every server counts as up.
    apply(config({pool("main", {a, b})}));
    BOOST_TEST(online() == (Strings{"a x1", "b x1"}), boost::test_tools::per_element());
    pools.stop();
}

// Connections of a pool's servers, on whatever ring serves it.
class Live : public test::PoolsRig {
protected:
    ring::Slot take(std::string_view id) const {
        const auto snapshot = ring();
        return snapshot->try_claim(*snapshot->find(id));
    }
    std::uint32_t live(std::string_view id) const { return ring()->find(id)->live(); }
    static conf::Server limited(std::string id, std::string_view address, std::uint32_t most) {
        auto made = server(std::move(id), address);
        made.max_connections = most;
        return made;
    }
};

BOOST_FIXTURE_TEST_CASE(a_limit_counts_connections_over_whatever_a_reload_replaces, Live) {
    auto one = pool("main", {limited("a", "192.0.2.1:80", 2), server("b", "192.0.2.2:80")});
    apply(config({one}));
    ring::Slot first = take("a");
    const ring::Slot second = take("a");
    BOOST_TEST(!take("a"));
    const auto counts = wanted("a").counts;

    one.hash.seed = "another";  // a new ring
    apply(config({one}));
    BOOST_TEST(live("a") == 2u);
    BOOST_TEST(!take("a"));
    one.hash.balance_factor = 1.25;  // a bound that was not there
    apply(config({one}));
    BOOST_TEST(live("a") == 2u);

    one.servers[0].address = test::endpoint("192.0.2.9:80");  // another address
    apply(config({one}));
    BOOST_TEST(live("a") == 2u);

    auto left = one;  // away, and back
    left.servers.erase(left.servers.begin());
    apply(config({left}));
    BOOST_TEST((ring()->find("a") == nullptr));
    apply(config({one}));
    BOOST_TEST(live("a") == 2u);
    BOOST_TEST(wanted("a").counts == counts);

    one.servers[0].id = "renamed";
    apply(config({one}));
    BOOST_TEST(live("renamed") == 2u);
    BOOST_TEST(wanted("renamed").counts == counts);

    apply(config({}));  // the pool itself
    apply(config({one}));
    BOOST_TEST(live("renamed") == 2u);
    first.release();
    BOOST_TEST(live("renamed") == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_server_registered_again_has_the_connections_that_it_had, Live) {
    apply({server("b", "192.0.2.2:80")});
    pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 1);
    const ring::Slot slot = take("r");
    pools.unregister_server("main", "r");
    pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 1);
    BOOST_TEST(live("r") == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_renamed_server_keeps_its_connections_and_one_that_leaves_does_not, Live) {
    auto one = pool("main", {server("a", "192.0.2.1:80"), server("b", "192.0.2.2:80")});
    one.on_removed = {.way = conf::Leaving::Way::reset};
    apply(config({one}));
    one.servers = {server("c", "192.0.2.1:80"), server("b", "192.0.2.2:80")};
    apply(config({one}));
    BOOST_TEST(told.empty());
    // Two at one address: nobody can tell which of them it is.
    one.servers = {server("d", "192.0.2.1:80"), server("e", "192.0.2.1:80")};
    apply(config({one}));
    BOOST_TEST(told == (Strings{"depart server_removed 0", "depart server_removed 0"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(weight_and_address_are_set_at_run_time_until_they_are_forgotten) {
    apply({server("a"), server("b")});
    BOOST_TEST(!pools.set_weight("main", "a", 3).has_value());
    BOOST_TEST(!pools.set_address("main", "a", test::endpoint("192.0.2.9:9")).has_value());
    BOOST_TEST(online() == (Strings{"a x3", "b x1"}), boost::test_tools::per_element());
    BOOST_TEST(address_of("a") == "192.0.2.9:9");
    // A reload leaves them, and says so where the file says otherwise.
    const auto file = config({pool("main", {server("a", "192.0.2.1:80", 2), server("b")})});
    const Strings notes = pools.notes_on(file);
    BOOST_TEST(notes == (Strings{"pool main: server a has weight 3, set at run time",
                                 "pool main: server a has address 192.0.2.9:9, set at run time"}),
               boost::test_tools::per_element());
    apply(file);
    BOOST_TEST(online() == (Strings{"a x3", "b x1"}), boost::test_tools::per_element());
    const auto rings = proxy::make_rings(pools.drafts_of(file));
    BOOST_TEST(ring::fingerprint(*rings.at("main")) == ring::fingerprint(*ring()));
    BOOST_TEST(!pools.forget("main", "a").has_value());
    BOOST_TEST(online() == (Strings{"a x2", "b x1"}), boost::test_tools::per_element());
    BOOST_TEST(address_of("a") == "192.0.2.1:80");

    // Of a registered server they are its own.
    pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 1);
    pools.set_weight("main", "r", 5);
    pools.set_address("main", "r", test::endpoint("192.0.2.7:8"));
    BOOST_TEST(
        (pools.said().at("main").at("r") ==
         proxy::Said{.registered = proxy::Said::Registration{test::endpoint("192.0.2.7:8"), 5}}));
    BOOST_TEST(pools.set_weight("main", "none", 1).value() == "pool main has no server none");
    BOOST_TEST(pools.set_weight("main", "a", 1001).has_value());
    BOOST_TEST(pools.set_address("none", "a", test::endpoint("192.0.2.7:8")).has_value());
}

BOOST_AUTO_TEST_CASE(a_check_of_another_port_follows_an_address_that_is_set) {
    auto a = server("a", "192.0.2.1:80");
    a.check_address = test::endpoint("192.0.2.1:81");
    auto b = server("b", "192.0.2.2:80");
    b.check_address = test::endpoint("192.0.2.99:81");
    apply(config({checked_pool({a, b})}));
    for (const auto* id : {"a", "b"}) pools.set_address("main", id, test::endpoint("192.0.2.9:9"));
    BOOST_TEST(wanted("a").check_address->to_string() == "192.0.2.9:81");
    BOOST_TEST(wanted("b").check_address->to_string() == "192.0.2.99:81");
    pools.set_address("main", "a", test::endpoint("unix:/run/a.sock"));
    BOOST_TEST(!wanted("a").check_address.has_value());
    pools.stop();
}

BOOST_AUTO_TEST_CASE(many_are_registered_at_once_or_none) {
    apply({server("a")});
    const auto generation = ring()->generation();
    const auto address = test::endpoint("192.0.2.7:7");
    using All = std::vector<Pools::Registration>;
    BOOST_TEST(
        pools.register_servers("main", All{{"r", address, 1}, {"a", address, 1}}).has_value());
    BOOST_TEST(
        pools.register_servers("main", All{{"r", address, 1}, {"r", address, 1}}).has_value());
    BOOST_TEST(ring()->generation() == generation);
    BOOST_TEST(
        !pools.register_servers("main", All{{"r", address, 1}, {"s", address, 2}}).has_value());
    BOOST_TEST(ring()->generation() == generation + 1);
    BOOST_TEST(online() == (Strings{"a x1", "r x1", "s x2"}), boost::test_tools::per_element());
}

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

BOOST_AUTO_TEST_CASE(changes_while_a_ring_is_worked_out_are_one_more_ring) {
    Later later;
    Pools slow(io, 1, events, later, {});
    const auto ring_now = [&] { return slow.find("main")->balancer->snapshot(); };
    slow.apply(config({pool("main", {server("a")})}));
    BOOST_TEST(ring_now()->members().empty());
    bool published = false;
    slow.when_published([&] { published = true; });
    for (int i = 0; i < 100; ++i) {
        BOOST_TEST(!slow.register_server("main", "r" + std::to_string(i),
                                         test::endpoint("192.0.2.7:7"), 1));
    }
    slow.set_override("main", "a", Override::drain);
    BOOST_TEST(!slow.find("main")->servers.at("a").online);
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
    const auto serving = slow.find("main")->balancer;
    for (const std::uint32_t vnodes : {32u, 64u}) {  // the second while the first is under way
        one.hash.vnodes = vnodes;
        slow.apply(config({one}));
        BOOST_TEST(slow.find("main")->balancer == serving);
    }
    bool published = false;
    slow.when_published([&] { published = true; });
    while (!later.steps.empty()) later.finish_one();
    BOOST_TEST(published);
    BOOST_TEST(slow.find("main")->balancer->snapshot()->settings().vnodes == 64u);
    BOOST_TEST(slow.find("main")->balancer->snapshot()->members().size() == 2u);
    // One whose pool is gone when it is done.
    one.hash.vnodes = 8;
    slow.apply(config({one}));
    slow.drop_others(config({}));
    slow.apply(config({pool("main", {server("c")})}));
    while (!later.steps.empty()) later.finish_one();
    BOOST_TEST((slow.find("main")->balancer->snapshot()->find("c") != nullptr));
}

BOOST_AUTO_TEST_CASE(connections_of_a_server_end_once_the_ring_is_without_it) {
    Later later;
    Strings done;
    Pools slow(io, 1, events, later,
               {.depart = [&](const proxy::Cut& cut) { done.push_back(to_string(cut.reason)); },
                .spare = [&](const auto&) { done.push_back("spare"); }});
    auto one = pool("main", {server("a"), server("b")});
    one.on_down = one.on_removed = {.way = conf::Leaving::Way::reset};
    slow.apply(config({one}));
    later.finish_one();
    slow.set_override("main", "a", Override::offline);
    slow.unregister_server("main", "b");
    BOOST_TEST(done.empty());
    later.finish_one();
    BOOST_TEST(done == (Strings{"server_down"}), boost::test_tools::per_element());
    later.finish_one();
    BOOST_TEST(done == (Strings{"server_down", "server_removed"}),
               boost::test_tools::per_element());
    // Back before it was off the ring: nobody is cut.
    done.clear();
    slow.set_override("main", "a", Override::automatic);
    slow.set_override("main", "a", Override::offline);
    slow.set_override("main", "a", Override::automatic);
    while (!later.steps.empty()) later.finish_one();
    BOOST_TEST(std::count(done.begin(), done.end(), "server_down") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
