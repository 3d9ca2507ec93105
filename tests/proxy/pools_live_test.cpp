// Connections go on counting, whatever replaces what they were counted by.
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
using test::config;
using test::pool;
using test::server;
using test::Strings;

namespace {

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

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pools_live, Live)

BOOST_AUTO_TEST_CASE(a_limit_counts_connections_over_whatever_a_reload_replaces) {
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

BOOST_AUTO_TEST_CASE(a_pool_that_comes_back_has_no_fault_for_dials_that_failed_before) {
    pools.watch_local_faults();
    auto one = pool("main", {server("a")});
    apply(config({one}));
    const auto counts = main().ledger->counts;
    (*counts)[0].local_failures[static_cast<std::size_t>(health::LocalFault::no_port)].add(3);
    BOOST_TEST(turn_until([&] { return main().local.cause(main().settings).has_value(); }));
    {
        const ring::Slot lives = take("a");
        apply(config({}));
        apply(config({one}));
    }
    BOOST_TEST((main().ledger->counts == counts));
    const auto looked = proxy::Clock::now() + 1100ms;
    BOOST_TEST(turn_until([&] { return proxy::Clock::now() > looked; }));
    BOOST_TEST(!main().local.cause(main().settings).has_value());
    pools.stop();
}

BOOST_AUTO_TEST_CASE(a_server_registered_again_has_the_connections_that_it_had) {
    apply({server("b", "192.0.2.2:80")});
    BOOST_TEST(pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 1).has_value());
    const ring::Slot slot = take("r");
    BOOST_TEST(pools.unregister_server("main", "r").has_value());
    BOOST_TEST(pools.register_server("main", "r", test::endpoint("192.0.2.7:7"), 1).has_value());
    BOOST_TEST(live("r") == 1u);
}

BOOST_AUTO_TEST_CASE(who_comes_with_the_old_id_of_a_renamed_server_is_another) {
    apply({server("a", "192.0.2.1:80")});
    const auto counts = wanted("a").counts;
    apply({server("b", "192.0.2.1:80")});
    BOOST_TEST((wanted("b").counts == counts));
    BOOST_TEST(pools.register_server("main", "a", test::endpoint("192.0.2.7:7"), 1).has_value());
    BOOST_TEST((wanted("a").counts != counts));
}

// Its departure would end the connections that it gets from now on, too.
BOOST_AUTO_TEST_CASE(a_server_that_comes_back_keeps_those_that_are_left) {
    auto one = pool("main", {server("a", "192.0.2.1:80"), server("b", "192.0.2.2:80")});
    one.on_removed = {.way = conf::Leaving::Way::drain, .over = 30s};
    apply(config({one}));
    const ring::Slot lives = take("a");
    BOOST_TEST(pools.unregister_server("main", "a").has_value());
    BOOST_TEST(told == (Strings{"depart server_removed 30000"}), boost::test_tools::per_element());
    BOOST_TEST(pools.forget("main", "a").has_value());
    BOOST_TEST(told == (Strings{"depart server_removed 30000", "spare"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_renamed_server_keeps_its_connections_and_one_that_leaves_does_not) {
    auto one = pool("main", {server("a", "192.0.2.1:80"), server("b", "192.0.2.2:80")});
    one.on_removed = {.way = conf::Leaving::Way::reset};
    apply(config({one}));
    one.servers = {server("c", "192.0.2.1:80"), server("b", "192.0.2.2:80")};
    apply(config({one}));
    BOOST_TEST(told == (Strings{"spare"}), boost::test_tools::per_element());
    told.clear();
    // Two at one address: nobody can tell which of them it is.
    one.servers = {server("d", "192.0.2.1:80"), server("e", "192.0.2.1:80")};
    apply(config({one}));
    BOOST_TEST(told == (Strings{"depart server_removed 0", "depart server_removed 0"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
