#include "proxy/control/plan.h"

#include <cmath>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>

#include "proxy/text/plan_text.h"
#include "tests/proxy/pools_rig.h"

using namespace ringway;
using test::config;
using test::pool;
using test::server;
using test::Strings;
namespace json = boost::json;

namespace {

proxy::Plan plan_of(const conf::Config& before, const conf::Config& after) {
    return proxy::make_plan(before, proxy::rings_of(before), after, proxy::rings_of(after));
}

conf::Config with_listener(conf::Config made, const std::string& to) {
    conf::Listener listener;
    listener.name = "front";
    listener.bind = test::endpoint("192.0.2.1:80");
    listener.routes = {{.pool = to}};
    made.listeners.push_back(listener);
    return made;
}

constexpr double exact = 1e-12;

}  // namespace

BOOST_AUTO_TEST_SUITE(plan)

BOOST_AUTO_TEST_CASE(moves_are_what_every_hash_says) {
    const auto before = config({pool("main", {server("a"), server("b")})});
    const auto after = config({pool("main", {server("a", "192.0.2.1:80", 2), server("c")})});
    const auto plan = plan_of(before, after);
    BOOST_REQUIRE(plan.pools.size() == 1u);
    const auto& keys = plan.pools[0].keys;
    // Counted over hashes in equal steps; what lies between two is within one step.
    std::map<std::pair<std::string, std::string>, int> counted;
    constexpr int steps = 1 << 16;
    for (std::uint64_t i = 0; i < steps; ++i) {
        const std::uint64_t hash = i << 48;
        const auto from = plan.pools[0].before->owner(hash)->id;
        const auto to = plan.pools[0].after->owner(hash)->id;
        if (from != to) ++counted[{from, to}];
    }
    BOOST_TEST(keys.moves.size() == counted.size());
    double sum = 0;
    for (const auto& move : keys.moves) {
        BOOST_TEST(std::abs(move.share - counted[{move.from, move.to}] / double{steps}) < 1e-3);
        sum += move.share;
    }
    BOOST_TEST(std::abs(keys.moved - sum) < exact);
    BOOST_TEST(keys.moved > 0.3);
}

BOOST_AUTO_TEST_CASE(pools_that_come_and_go_move_nothing) {
    const auto plan = plan_of(config({pool("old", {server("a")}), pool("same", {server("s")})}),
                              config({pool("new", {server("a")}), pool("same", {server("s")})}));
    const json::object told = to_json(plan);
    const auto& pools = told.at("pools").as_array();
    BOOST_REQUIRE(pools.size() == 3u);
    BOOST_TEST(pools[0].at("state") == "new");
    BOOST_TEST(pools[0].at("before").is_null());
    BOOST_TEST(pools[0].at("after").at("servers") == 1);
    BOOST_TEST(pools[1].at("state") == "removed");
    BOOST_TEST(pools[1].at("moved").is_null());
    BOOST_TEST(pools[2].at("state") == "stays");
    BOOST_TEST(pools[2].at("moved") == 0.0);
    BOOST_TEST(pools[2].at("moves").as_array().empty());
    BOOST_TEST(told.at("changes").as_array().size() == 2u);
    BOOST_TEST(beyond(plan, 0).empty());
}

BOOST_AUTO_TEST_CASE(another_hash_of_keys_is_told_as_what_is_to_be_expected) {
    auto hashed = pool("main", {server("a"), server("b")});
    const auto before = config({hashed});
    hashed.hash.seed = "secret";
    const auto plan = plan_of(before, config({hashed}));
    const auto& one = plan.pools[0];
    BOOST_TEST(!one.keys.same_hash);
    BOOST_TEST(one.keys.moves.empty());
    double stays = 0;
    for (const auto& share : ring::shares(*one.before)) {
        stays += share.share * share.share;  // the points are where they were
    }
    BOOST_TEST(std::abs(one.keys.moved - (1 - stays)) < exact);
    const auto text = proxy::plan_text(to_json(plan));
    BOOST_TEST(text.find("expected to move: their hash changes") != std::string::npos);
    BOOST_TEST(text.find("secret") == std::string::npos);
    BOOST_TEST(text.starts_with("+ pools.main.hash.seed: (not shown)\n"));
}

BOOST_AUTO_TEST_CASE(a_listener_that_changes_its_keys_or_its_pool_moves_them) {
    const auto pools =
        config({pool("one", {server("a"), server("b")}), pool("two", {server("a"), server("b")}),
                pool("three", {server("c")})});
    const auto before = with_listener(pools, "one");
    BOOST_TEST(plan_of(before, before).listeners.empty());
    // The same servers under another name.
    const auto twin = plan_of(before, with_listener(pools, "two"));
    BOOST_REQUIRE(twin.listeners.size() == 1u);
    BOOST_TEST(twin.listeners[0].moved == 0);
    const auto other = plan_of(before, with_listener(pools, "three"));
    BOOST_TEST(other.listeners.at(0).moved == 1);
    BOOST_TEST(beyond(other, 0.5) ==
                   (Strings{"listener front: 100 % of its keys would move: its pool is three in "
                            "place of one"}),
               boost::test_tools::per_element());
    auto keyed = before;
    keyed.listeners[0].routes[0].key.parts[0].from = conf::KeyPart::From::first_line;
    BOOST_TEST(plan_of(before, keyed).listeners.at(0).why == "its keys are others");
}

BOOST_AUTO_TEST_CASE(a_limit_holds_for_each_pool_and_to_the_last_digit) {
    // Four equal servers and a fifth: only the keys that it wins move.
    const auto before = config({pool("main", {server("a"), server("b")})});
    const auto after = config({pool("main", {server("a"), server("b"), server("c")})});
    const auto plan = plan_of(before, after);
    const double moved = plan.pools[0].keys.moved;
    BOOST_TEST(beyond(plan, moved).empty());
    BOOST_TEST(beyond(plan, moved * 0.999).size() == 1u);
    BOOST_TEST(beyond(plan, 0.01).at(0).starts_with("pool main: "));
    BOOST_TEST(beyond(plan, 0.01).at(0).ends_with(" % of the keys would move"));
}

BOOST_AUTO_TEST_CASE(a_share_has_one_spelling) {
    BOOST_TEST(proxy::parse_share("10%").value() == 0.1);
    BOOST_TEST(proxy::parse_share("2.5%").value() == 0.025);
    BOOST_TEST(proxy::parse_share("0%").value() == 0.0);
    BOOST_TEST(proxy::parse_share("100%").value() == 1.0);
    for (const auto* text : {"", "%", "10", "101%", "-1%", "1e1%", "10 %", "ten%", "nan%", "0.1"}) {
        BOOST_TEST(!proxy::parse_share(text).has_value(), text);
    }
}

BOOST_AUTO_TEST_CASE(the_text_tells_the_largest_moves_and_how_much_is_left) {
    std::vector<conf::Server> many;
    for (int i = 0; i < 20; ++i) many.push_back(server("s" + std::to_string(i)));
    auto more = many;
    more.push_back(server("z"));
    const auto text = proxy::plan_text(
        to_json(plan_of(config({pool("main", many)}), config({pool("main", more)}))));
    BOOST_TEST(text.starts_with("+ pools.main.servers.z: 192.0.2.1:80\n\npool main: "));
    BOOST_TEST(text.find(" -> z\n") != std::string::npos);
    BOOST_TEST(text.find("  and ") != std::string::npos);
    BOOST_TEST(text.find(" more, ") != std::string::npos);
    BOOST_TEST(text.find("  after   21 of 21 servers online, peak ") != std::string::npos);
    BOOST_TEST(proxy::plan_text(
                   to_json(plan_of(config({pool("main", many)}), config({pool("main", many)}))))
                   .starts_with("no entry of the file changes\n\npool main: no key moves\n"));
}

BOOST_AUTO_TEST_CASE(odd_bytes_of_ids_reach_no_terminal) {
    const auto plan = plan_of(config({pool("main", {server("a")})}),
                              config({pool("main", {server("a"), server("\x1b[31m")})}));
    BOOST_TEST(proxy::plan_text(to_json(plan)).find('\x1b') == std::string::npos);
    BOOST_TEST(proxy::plan_text({}).find("no entry") == 0u);
    BOOST_TEST(
        !proxy::plan_text(json::parse(R"({"pools": [1, {}], "changes": [2, {}]})").as_object())
             .empty());
}

BOOST_AUTO_TEST_SUITE_END()
