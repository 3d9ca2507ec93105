// What replicas say to one another, held against counts that are made anew from all keys.
#include "proxy/control/fleet_view.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "proxy/control/etcd_server_text.h"
#include "tests/support/random.h"

using namespace ringway;
using proxy::AdminState;
using proxy::ChecksReport;
using proxy::FleetView;
using proxy::ReplicaReport;

namespace {

ReplicaReport replica(const std::string& file, const std::string& ring) {
    return {.instance = "i",
            .version = "1",
            .started_s = 1,
            .generation = 1,
            .file = "x",
            .settings = file,
            .health = "majority",
            .pools = {{"main", {.ring = ring, .servers = 2, .online = 1}}}};
}

FleetView::Change take(FleetView& view, const std::string& key,
                       const std::optional<std::string>& value) {
    FleetView::Change change;
    view.take(key, value, change);
    return change;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(fleet_view)

BOOST_AUTO_TEST_CASE(votes_are_those_of_the_replicas_that_are_alive_and_have_checked) {
    test::SeededRandom random;
    const std::vector<std::string> names{"p1", "p2", "p3", "p4"};
    const std::vector<std::string> ids{"a", "b", "c/d"};
    FleetView view;
    std::map<std::string, ChecksReport> alive;
    for (int step = 0; step < 2'000; ++step) {
        const std::string& name = names[random.below(names.size())];
        const std::string key = proxy::checks_key(name, "main");
        if (random.one_in(4)) {
            alive.erase(name);
            take(view, key, std::nullopt);
        } else {
            ChecksReport report;
            for (const std::string& id : ids) {
                if (random.one_in(3))
                    report.down.insert(id);
                else if (random.one_in(3))
                    report.unknown.insert(id);
            }
            alive[name] = report;
            const auto change = take(view, key, proxy::to_text(report));
            BOOST_TEST(change.pools.contains("main"));
        }
        BOOST_TEST(view.voters("main") == alive.size());
        for (const std::string& id : ids) {
            std::size_t known = 0;
            std::size_t down = 0;
            for (const auto& [of, report] : alive) {
                known += report.unknown.contains(id) ? 0U : 1U;
                down += report.down.contains(id) ? 1U : 0U;
            }
            const auto votes = view.votes("main", id);
            BOOST_TEST(votes.known == known);
            BOOST_TEST(votes.down == down);
            BOOST_TEST(votes.is_down() == (down > known - down));
        }
    }
}

BOOST_AUTO_TEST_CASE(reports_are_read_as_they_are_written) {
    const ReplicaReport report = replica("f", "r");
    BOOST_TEST((proxy::parse_replica_report(proxy::to_text(report)).value() == report));
    const ChecksReport checks{.down = {"a", "b \"c\""}, .unknown = {"d"}};
    BOOST_TEST((proxy::parse_checks_report(proxy::to_text(checks)).value() == checks));
    for (const auto word : {AdminState::online, AdminState::offline, AdminState::drain}) {
        BOOST_TEST((proxy::parse_fleet_word(proxy::to_text(word)).value() == word));
    }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_understood_counts_for_nothing_and_is_told) {
    FleetView view;
    take(view, proxy::checks_key("p1", "main"), proxy::to_text(ChecksReport{.down = {"a"}}));
    for (const auto* bad : {"", "x", "[]", "{}", R"({"down": 1, "unknown": []})",
                            R"({"down": [1], "unknown": []})", R"({"down": []})"}) {
        take(view, proxy::checks_key("p1", "main"), bad);
        BOOST_TEST(view.votes("main", "a").known == 0U, bad);
        BOOST_TEST(view.problems().size() == 1U);
    }
    take(view, proxy::checks_key("p1", "main"), std::nullopt);
    BOOST_TEST(view.problems().empty());
    for (const auto* key : {"x", "checks/", "checks/a", "checks//b", "words/main/", "words/a"}) {
        take(view, key, "{}");
        BOOST_TEST(view.problems().contains(key), key);
    }
    BOOST_TEST(view.words().empty());
}

BOOST_AUTO_TEST_CASE(words_are_of_servers_whose_ids_may_have_slashes) {
    FleetView view;
    BOOST_TEST(take(view, proxy::word_key("main", "a/b"), proxy::to_text(AdminState::drain)).words);
    BOOST_TEST((view.words().at("main").at("a/b").admin_state == AdminState::drain));
    BOOST_TEST(take(view, proxy::word_key("main", "a/b"), std::nullopt).words);
    BOOST_TEST(view.words().empty());
}

BOOST_AUTO_TEST_CASE(replicas_differ_in_files_and_in_rings) {
    FleetView view;
    take(view, proxy::replica_key("p1"), proxy::to_text(replica("f", "r")));
    take(view, proxy::replica_key("p2"), proxy::to_text(replica("f", "r")));
    BOOST_TEST(view.differences("p1").empty());
    take(view, proxy::replica_key("p2"), proxy::to_text(replica("g", "s")));
    const auto differences = view.differences("p1");
    BOOST_TEST_REQUIRE(differences.size() == 2U);
    BOOST_TEST((differences[0] == proxy::FleetDifference{"p2", ""}));
    BOOST_TEST((differences[1] == proxy::FleetDifference{"p2", "main"}));
    BOOST_TEST(view.differences("nobody").empty());
}

BOOST_AUTO_TEST_CASE(a_key_of_etcd_is_a_server_or_has_a_reason) {
    const auto parse = [](std::string_view id, std::string_view value,
                          const conf::ServersFrom& from = {}) {
        const auto server = proxy::parse_etcd_server(id, value, from);
        if (!server) return server.error().text;
        return server->id + " " + server->address.to_string() + " x" +
               std::to_string(server->weight) + " <" + std::to_string(server->max_connections) +
               (server->check_address ? " " + server->check_address->to_string() : "");
    };
    BOOST_TEST(parse("a", R"({"address": "10.0.0.1:1"})") == "a 10.0.0.1:1 x1 <0");
    BOOST_TEST(parse("a/b", R"({"weight": 0, "address": "H.test:1", "max_connections": 3})") ==
               "a/b h.test:1 x0 <3");
    conf::ServersFrom from;
    from.max_connections = 9;
    from.check_port = 7;
    BOOST_TEST(parse("a", R"({"address": "10.0.0.1:1"})", from) == "a 10.0.0.1:1 x1 <9 10.0.0.1:7");
    BOOST_TEST(parse("a", R"({"address": "unix:/x"})", from) == "a unix:/x x1 <9");
    BOOST_TEST(parse("a", "{}") == "the entry \"address\" is missing");
    BOOST_TEST(parse("a", "[]") == "expected an object");
    BOOST_TEST(parse("a", R"({"address": "10.0.0.1:1", "weight": 1001})") ==
               "weight: expected a whole number from 0 to 1000");
    BOOST_TEST(parse("a", R"({"address": "10.0.0.1:1", "wieght": 1})") ==
               "unknown entry \"wieght\"");
    BOOST_TEST(parse("a", R"({"address": "10.0.0.1"})") ==
               "address: expected one, as 192.0.2.1:80 or host.example:80");
    BOOST_TEST(parse("", R"({"address": "10.0.0.1:1"})") ==
               "an id is 1 to 255 bytes of UTF-8 without control characters");
    BOOST_TEST(parse("a\n", R"({"address": "10.0.0.1:1"})") ==
               "an id is 1 to 255 bytes of UTF-8 without control characters");
    BOOST_TEST(parse("a", proxy::etcd_server_text(*conf::ServerAddress::parse("h.test:1"), 4)) ==
               "a h.test:1 x4 <0");
}

BOOST_AUTO_TEST_SUITE_END()
