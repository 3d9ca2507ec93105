// Run-time overrides of servers, except addresses.
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
using proxy::Pools;
using test::checked_pool;
using test::config;
using test::pool;
using test::server;
using test::Strings;

BOOST_FIXTURE_TEST_SUITE(pools_run_time, test::PoolsRig)

BOOST_AUTO_TEST_CASE(a_server_of_the_file_that_is_registered_again_keeps_its_other_settings) {
    auto limited = server("a");
    limited.max_connections = 10;
    limited.check_address = test::endpoint("192.0.2.1:81");
    apply({limited, server("b")});
    BOOST_TEST(pools.unregister_server("main", "a").has_value());
    BOOST_TEST(pools.register_server("main", "a", test::endpoint("192.0.2.7:7"), 2).has_value());
    BOOST_TEST(online() == (Strings{"a x2", "b x1"}), boost::test_tools::per_element());
    BOOST_TEST(address_of("a") == "192.0.2.7:7");
    BOOST_TEST(ring()->find("a")->max_connections == 10u);
    BOOST_TEST((wanted("a").desired.check_address == test::endpoint("192.0.2.7:81")));
    BOOST_TEST((wanted("a").desired.source == proxy::ServerSource::runtime));
}

BOOST_AUTO_TEST_CASE(weight_and_address_are_set_at_run_time_until_they_are_forgotten) {
    apply({server("a"), server("b")});
    BOOST_TEST(pools.set_weight("main", "a", 3).has_value());
    BOOST_TEST(pools.set_address("main", "a", test::endpoint("192.0.2.9:9")).has_value());
    BOOST_TEST(online() == (Strings{"a x3", "b x1"}), boost::test_tools::per_element());
    BOOST_TEST(address_of("a") == "192.0.2.9:9");
    // A reload leaves them, and says so where the file says otherwise.
    const auto file = config({pool("main", {server("a", "192.0.2.1:80", 2), server("b")})});
    const Strings notes = pools.layers().notes_on(file);
    BOOST_TEST(notes == (Strings{"pool main: server a has weight 3, set at run time",
                                 "pool main: server a has address 192.0.2.9:9, set at run time"}),
               boost::test_tools::per_element());
    apply(file);
    BOOST_TEST(online() == (Strings{"a x3", "b x1"}), boost::test_tools::per_element());
    const auto rings = proxy::make_rings(pools.drafts_of(file));
    BOOST_TEST(ring::fingerprint(*rings.at("main")) == ring::fingerprint(*ring()));
    BOOST_TEST(pools.forget("main", "a").has_value());
    BOOST_TEST(online() == (Strings{"a x2", "b x1"}), boost::test_tools::per_element());
    BOOST_TEST(address_of("a") == "192.0.2.1:80");

    // Of a registered server they are its own.
    BOOST_TEST(pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 1).has_value());
    BOOST_TEST(pools.set_weight("main", "r", 5).has_value());
    BOOST_TEST(pools.set_address("main", "r", test::endpoint("192.0.2.7:8")).has_value());
    BOOST_TEST((pools.layers().overrides().at("main").at("r") ==
                proxy::ServerOverrides{.registered = proxy::ServerOverrides::Registration{
                                           test::endpoint("192.0.2.7:8"), 5}}));
    BOOST_TEST(pools.set_weight("main", "none", 1).error().text == "pool main has no server none");
    BOOST_TEST(pools.set_weight("main", "a", 1001).has_error());
    BOOST_TEST(pools.set_address("none", "a", test::endpoint("192.0.2.7:8")).has_error());
}

BOOST_AUTO_TEST_CASE(a_check_of_another_port_follows_an_address_that_is_set) {
    auto a = server("a", "192.0.2.1:80");
    a.check_address = test::endpoint("192.0.2.1:81");
    auto b = server("b", "192.0.2.2:80");
    b.check_address = test::endpoint("192.0.2.99:81");
    apply(config({checked_pool({a, b})}));
    for (const auto* id : {"a", "b"}) {
        BOOST_TEST(pools.set_address("main", id, test::endpoint("192.0.2.9:9")).has_value());
    }
    BOOST_TEST(wanted("a").desired.check_address->to_string() == "192.0.2.9:81");
    BOOST_TEST(wanted("b").desired.check_address->to_string() == "192.0.2.99:81");
    BOOST_TEST(pools.set_address("main", "a", test::endpoint("unix:/run/a.sock")).has_value());
    BOOST_TEST(!wanted("a").desired.check_address.has_value());
    pools.stop();
}

BOOST_AUTO_TEST_CASE(many_are_registered_at_once_or_none) {
    apply({server("a")});
    const auto generation = ring()->generation();
    const auto address = test::endpoint("192.0.2.7:7");
    using All = std::vector<Pools::Registration>;
    BOOST_TEST(
        pools.register_servers("main", All{{"r", address, 1}, {"a", address, 1}}).has_error());
    BOOST_TEST(
        pools.register_servers("main", All{{"r", address, 1}, {"r", address, 1}}).has_error());
    BOOST_TEST(ring()->generation() == generation);
    BOOST_TEST(
        pools.register_servers("main", All{{"r", address, 1}, {"s", address, 2}}).has_value());
    BOOST_TEST(ring()->generation() == generation + 1);
    BOOST_TEST(online() == (Strings{"a x1", "r x1", "s x2"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
