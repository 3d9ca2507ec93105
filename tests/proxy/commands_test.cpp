// Every command's answers, by a Control that does not run.
#include "proxy/admin/commands.h"

#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>

#include "proxy/admin/http_answers.h"
#include "proxy/version.h"
#include "tests/proxy/asking.h"
#include "tests/proxy/control_rig.h"

using namespace ringway;
namespace json = boost::json;
using Strings = std::vector<std::string>;

namespace {

struct Fixture {
    test::ControlRig rig;
    proxy::Control control{rig.file(), rig.parsed(), rig.log().writer()};

    Fixture() { BOOST_REQUIRE(control.finish(control.reload()).has_value()); }

    json::object ask(const std::string& line) { return test::ask(control, line); }
    json::object ok(const std::string& line) { return test::ask_well(control, line); }
    std::string error(const std::string& line) { return test::refusal_of(control, line); }
    json::object server(const std::string& id) {
        return ok("server main " + id).at("server").as_object();
    }
    Strings ids(const std::string& line) { return test::ids_of(control, line); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(commands, Fixture)

BOOST_AUTO_TEST_CASE(status_tells_of_the_process_its_file_its_listeners_and_pools) {
    const auto answer = ok("status");
    BOOST_TEST(answer.at("version").as_string() == proxy::version);
    BOOST_TEST(answer.at("pid") == ::getpid());
    BOOST_TEST(answer.at("uptime_s").as_int64() >= 0);
    BOOST_TEST(answer.at("workers") == 1);
    BOOST_TEST(answer.at("generation") == 2);
    BOOST_TEST(answer.at("log_lines_dropped") == 0);
    const auto& config = answer.at("config").as_object();
    BOOST_TEST(config.at("file").as_string() == rig.file());
    BOOST_TEST(config.at("result") == "ok");
    BOOST_TEST(config.at("reloads") == 1);
    BOOST_TEST(config.at("failed_reloads") == 0);
    BOOST_TEST(config.at("loaded_at").as_string().ends_with("Z"));
    const auto& listener = answer.at("listeners").at(0).as_object();
    BOOST_TEST(listener.at("name") == "front");
    BOOST_TEST(listener.at("bind").as_string() == rig.bind().to_string());
    BOOST_TEST(listener.at("pool") == "main");
    BOOST_TEST(listener.at("key") == "first_line");
    for (const auto* count : {"accepted", "active", "refused"}) BOOST_TEST(listener.at(count) == 0);
    const auto& pool = answer.at("pools").at(0).as_object();
    BOOST_TEST(pool.at("name") == "main");
    BOOST_TEST(pool.at("servers") == 2);
    BOOST_TEST(pool.at("online") == 2);
    BOOST_TEST(pool.at("points") == 48);
    BOOST_TEST(pool.at("active") == 0);
}

BOOST_AUTO_TEST_CASE(servers_lists_all_or_those_of_a_pool) {
    BOOST_TEST(ids("servers") == (Strings{"a", "b"}), boost::test_tools::per_element());
    BOOST_TEST(ids("servers main") == (Strings{"a", "b"}), boost::test_tools::per_element());
    BOOST_TEST(error("servers none") == "no pool none");
}

BOOST_AUTO_TEST_CASE(server_tells_all_of_one) {
    const auto b = server("b");
    BOOST_TEST(b.at("pool") == "main");
    BOOST_TEST(b.at("id") == "b");
    BOOST_TEST(b.at("address").as_string() == test::local_endpoint(rig.b).to_string());
    BOOST_TEST(b.at("weight") == 2);
    BOOST_TEST(b.at("status") == "online");
    BOOST_TEST(b.at("detail") == "not checked");
    BOOST_TEST(b.at("source") == "file");
    BOOST_TEST(b.at("last_check").is_null());
    BOOST_TEST(b.at("since_s").as_int64() >= 0);
    for (const auto* count : {"active", "total", "bytes_up", "bytes_down", "connect_failures"}) {
        BOOST_TEST(b.at(count) == 0, count);
    }
    BOOST_TEST(error("server main z") == "pool main has no server z");
    BOOST_TEST(error("server none a") == "no pool none");
}

BOOST_AUTO_TEST_CASE(register_adds_a_server_that_takes_keys) {
    const auto added = ok("register main c 192.0.2.3:80 --weight 3").at("server").as_object();
    BOOST_TEST(added.at("id") == "c");
    BOOST_TEST(added.at("weight") == 3);
    BOOST_TEST(added.at("source") == "runtime");
    BOOST_TEST(added.at("status") == "online");
    BOOST_TEST(ok("register main d [2001:db8::1]:80").at("server").at("weight") == 1);
    BOOST_TEST(ids("servers") == (Strings{"a", "b", "c", "d"}), boost::test_tools::per_element());
    BOOST_TEST(control.pools().find("main")->ring->snapshot()->find("c")->points == 48u);
}

BOOST_AUTO_TEST_CASE(register_refuses_what_is_no_server) {
    BOOST_TEST(error("register main a 192.0.2.3:80") == "pool main has a server a already");
    BOOST_TEST(error("register none c 192.0.2.3:80") == "no pool none");
    for (const auto* address : {"nowhere", "192.0.2.3", "192.0.2.3:0", "[::1]", "a b:80"}) {
        BOOST_TEST(error("register main c " + std::string(address))
                       .starts_with("an address must be like"));
    }
    for (const auto* weight : {"-1", "1.5", "1e3", "x", "99999999999", "\"\"", "1001"}) {
        error("register main c 192.0.2.3:80 --weight " + std::string(weight));
    }
    const std::string usage =
        "usage: register POOL ID ADDRESS [--weight N] [ID ADDRESS [--weight N]]... [--fleet]";
    BOOST_TEST(error("register main c 192.0.2.3:80 --weight") == usage);
    BOOST_TEST(error("register main c 192.0.2.3:80 --wait 3") == usage);
    BOOST_TEST(error("register main c") == usage);
    error(R"(register main "" 192.0.2.3:80)");
    error(R"(register main "\xff" 192.0.2.3:80)");
    error(R"(register main "a\x0ab" 192.0.2.3:80)");
    BOOST_TEST(ids("servers") == (Strings{"a", "b"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(unregister_takes_a_server_away_over_reloads) {
    BOOST_TEST(ok("unregister main a").at("kept") == false);
    BOOST_TEST(ids("servers") == (Strings{"b"}), boost::test_tools::per_element());
    BOOST_TEST(error("unregister main a") == "pool main has no server a");
    ok("reload");
    BOOST_TEST(ids("servers") == (Strings{"b"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(drain_takes_a_server_off_the_ring_and_auto_puts_it_back) {
    const auto drained = ok("drain main a").at("server").as_object();
    BOOST_TEST(drained.at("status") == "offline");
    BOOST_TEST(drained.at("detail") == "draining");
    BOOST_TEST(ok("status").at("pools").at(0).at("online") == 1);
    BOOST_TEST(ok("auto main a").at("server").at("status") == "online");
    BOOST_TEST(error("drain main z") == "pool main has no server z");
    BOOST_TEST(error("auto none a") == "no pool none");
}

BOOST_AUTO_TEST_CASE(an_admin_state_holds_until_auto) {
    BOOST_TEST(server("a").at("override") == "auto");
    for (const std::string word : {"offline", "online", "drain"}) {
        const auto overrides = ok(word + " main a").at("server").as_object();
        BOOST_TEST(overrides.at("override").as_string() == word);
        BOOST_TEST((overrides.at("status") == "online") == (word == "online"));
    }
    BOOST_TEST(ok("offline main a").at("server").at("detail") == "offline by hand");
    ok("reload");
    BOOST_TEST(server("a").at("override") == "offline");
    BOOST_TEST(ok("auto main a").at("server").at("override") == "auto");
    BOOST_TEST(server("a").at("detail") == "not checked");
    BOOST_TEST(error("offline main z") == "pool main has no server z");
    BOOST_TEST(error("online main") == "usage: online POOL ID [--fleet]");
}

BOOST_AUTO_TEST_CASE(explain_names_the_owner_and_the_walk) {
    const auto before = ok("explain main user-1");
    const std::string owner(before.at("owner").as_string());
    const std::string other = owner == "a" ? "b" : "a";
    BOOST_TEST(before.at("pool") == "main");
    BOOST_TEST(before.at("key") == "user-1");
    BOOST_TEST(before.at("hash").as_string().size() == 18u);
    const auto& walk = before.at("walk").as_array();
    BOOST_TEST(walk.size() == 2u);
    BOOST_TEST(walk[0].at("id").as_string() == owner);
    BOOST_TEST(walk[0].at("chosen") == true);
    BOOST_TEST(walk[1].at("id").as_string() == other);
    BOOST_TEST(walk[1].at("chosen") == false);
    BOOST_TEST(before.at("if_all_online").is_null());

    ok("drain main " + owner);
    const auto after = ok("explain main user-1");
    BOOST_TEST(after.at("owner").as_string() == other);
    BOOST_TEST(after.at("hash") == before.at("hash"));
    BOOST_TEST(after.at("walk").as_array().size() == 1u);
    BOOST_TEST(after.at("walk").at(0).at("id").as_string() == other);
    BOOST_TEST(after.at("walk").at(0).at("chosen") == true);
    // The owner if all were online is reported separately.
    const auto& possible = after.at("if_all_online").as_object();
    BOOST_TEST(possible.at("owner").as_string() == owner);
    BOOST_TEST(possible.at("walk").as_array().size() == 2u);
    BOOST_TEST(possible.at("walk").at(0).at("id").as_string() == owner);
    BOOST_TEST(possible.at("walk").at(0).at("status") == "offline");
    BOOST_TEST(possible.at("walk").at(0).at("detail") == "draining");
    BOOST_TEST(!possible.at("walk").at(0).as_object().contains("chosen"));

    ok("drain main " + other);
    const auto none = ok("explain main user-1");
    BOOST_TEST(none.at("owner").is_null());
    BOOST_TEST(none.at("walk").as_array().empty());
    BOOST_TEST(none.at("if_all_online").at("owner").as_string() == owner);
}

BOOST_AUTO_TEST_CASE(explain_is_answered_while_a_server_that_left_is_on_the_ring) {
    const auto page = [&] {
        return proxy::answer_http(control, "/v1/pools/main/explain?key=user-1").status;
    };
    for (int i = 0; i < 20; ++i) {
        BOOST_TEST(control.pools().unregister_server("main", "a").has_value());
        BOOST_TEST(page() == 200u);
        ok("explain main user-1");
        BOOST_TEST(control.pools().forget("main", "a").has_value());
        BOOST_TEST(page() == 200u);
    }
}

BOOST_AUTO_TEST_CASE(a_key_may_be_any_bytes_and_is_shown_escaped) {
    const auto plain = ok("explain main k");
    BOOST_TEST(ok(R"(explain main "\x6b")").at("hash") == plain.at("hash"));
    BOOST_TEST(ok(R"(explain main "a b\x00\xff\"")").at("key") == R"(a b\x00\xff\x22)");
    BOOST_TEST(ok(R"(explain main "")").at("key") == "");
}

BOOST_AUTO_TEST_CASE(reload_tells_what_changed_or_what_is_wrong_with_the_file) {
    BOOST_TEST(ok("reload").at("changes").as_array().empty());
    rig.write(rig.yaml("      - {id: c, address: \"192.0.2.3:80\"}\n"));
    const auto changed = ok("reload");
    BOOST_TEST(changed.at("generation") == 4);
    BOOST_TEST(changed.at("changes").at(0) == "+ pools.main.servers.c: 192.0.2.3:80");

    rig.write(rig.yaml("", "wokers: 2\n"));
    const auto refused = ask("reload");
    BOOST_TEST(refused.at("ok") == false);
    BOOST_TEST(refused.at("errors").as_array().size() == 1u);
    BOOST_TEST(refused.at("errors").at(0).as_string().starts_with(rig.file() + ":"));
    const auto status = ok("status");
    BOOST_TEST(status.at("generation") == 4);
    BOOST_TEST(status.at("config").at("failed_reloads") == 1);
    BOOST_TEST(status.at("config").at("reloads") == 4);
    BOOST_TEST(status.at("config").at("result") == refused.at("errors").at(0));
    BOOST_TEST(ids("servers") == (Strings{"a", "b", "c"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_reload_that_needs_a_restart_or_a_port_in_use_changes_nothing) {
    auto text = rig.yaml("      - {id: c, address: \"192.0.2.3:80\"}\n");
    rig.write(text.replace(text.find("workers: 1"), 10, "workers: 2"));
    BOOST_TEST(ask("reload").at("errors").at(0).as_string().ends_with(
        "workers cannot change while running: restart"));
    text = rig.yaml("      - {id: c, address: \"192.0.2.3:80\"}\n");
    const std::string bind = rig.bind().to_string();
    text.replace(text.find(bind), bind.size(), test::local_endpoint(rig.a).to_string());
    rig.write(text);
    const auto refused = ask("reload");
    BOOST_TEST(refused.at("errors").at(0).as_string().find("Address already in use") !=
               json::string::npos);
    BOOST_TEST(ids("servers") == (Strings{"a", "b"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_no_command_is_refused_by_name) {
    BOOST_TEST(error("") == "the line is empty");
    BOOST_TEST(error("  \t\r") == "the line is empty");
    BOOST_TEST(
        error("stauts").starts_with("unknown command \"stauts\"; the commands are: status "));
    BOOST_TEST(error("status now") == "usage: status");
    BOOST_TEST(error("server main") == "usage: server POOL ID");
    BOOST_TEST(error("explain main a b") == "usage: explain POOL KEY");
    BOOST_TEST(error("explain main \"open") == "column 14: a quote that is never closed");
    BOOST_TEST(error("\x1b[31m").starts_with("column 1: "));
    BOOST_TEST(error("\"\\x1b[31m\"").starts_with("unknown command \"\\x1b[31m\""));
    BOOST_TEST(error(std::string(60'000, 'x')).size() < 300u);
    BOOST_TEST(ok("status\r").at("ok") == true);
}

BOOST_AUTO_TEST_CASE(ring_tells_who_owns_each_slice) {
    const auto ring = ok("ring main");
    BOOST_TEST(ring.at("pool") == "main");
    BOOST_TEST(ring.at("servers") == (json::array{"a", "b"}));
    BOOST_TEST(ring.at("points") == (json::array{16, 32}));
    const auto& slices = ring.at("slices").as_array();
    BOOST_TEST_REQUIRE(slices.size() == 1440u);
    // Each is the owner of its middle: to check, the slice's place as a fraction of 2^64.
    const auto snapshot = control.pools().find("main")->ring->snapshot();
    for (std::size_t i = 0; i < slices.size(); ++i) {
        const long double middle = (static_cast<long double>(i) + 0.5L) / 1440 * 0x1p64L;
        const auto* owner = snapshot->owner(static_cast<std::uint64_t>(middle));
        BOOST_TEST(slices[i] == (owner->id == "a" ? 0 : 1), i);
    }
    double sum = 0;
    for (const auto& share : ring.at("shares").as_array()) sum += share.as_double();
    BOOST_TEST(sum == 1.0, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(ring.at("shares").at(1) == server("b").at("share"));
    ok("offline main a");
    ok("offline main b");
    const auto empty = ok("ring main");
    for (const auto& slice : empty.at("slices").as_array()) BOOST_TEST(slice == -1);
    BOOST_TEST(error("ring none") == "no pool none");
    BOOST_TEST(error("ring") == "usage: ring POOL");
}

BOOST_AUTO_TEST_CASE(the_answer_to_a_change_of_a_small_pool_has_the_share_that_serves) {
    for (const auto* weight : {"5", "1", "0", "7"}) {
        const auto answer = ok("set main a weight " + std::string(weight));
        BOOST_TEST(answer.at("server").at("share") == server("a").at("share"));
    }
    BOOST_TEST(ok("drain main a").at("server").at("share").is_null());
    const auto added = ok("register main c 192.0.2.3:80");
    BOOST_TEST(added.at("server").at("share") == server("c").at("share"));
}

BOOST_AUTO_TEST_CASE(a_change_is_answered_as_made_where_its_server_leaves_meanwhile) {
    std::string answer;
    boost::asio::co_spawn(control.io(), proxy::run_command(control, "set main a weight 3"),
                          [&](const std::exception_ptr&, std::string text) { answer = text; });
    ok("unregister main a");
    while (answer.empty()) {
        control.io().restart();
        control.io().run_one();
    }
    BOOST_TEST(json::parse(answer).at("ok") == true, answer);
}

BOOST_AUTO_TEST_CASE(shares_and_what_moved_are_those_of_the_ring_now) {
    const auto pool = [&] { return ok("status").at("pools").at(0).as_object(); };
    const double share = server("a").at("share").as_double();
    BOOST_TEST(pool().at("algorithm") == "ring");
    BOOST_TEST(pool().at("spills") == 0);
    BOOST_TEST(pool().at("peak_to_average").as_double() >= 1.0);
    ok("drain main a");
    BOOST_TEST(server("a").at("share").is_null());
    BOOST_TEST(server("b").at("share") == 1.0);
    BOOST_TEST(pool().at("moved_last_change") == share);
    BOOST_TEST(pool().at("peak_to_average") == 1.0);
    ok("auto main a");
    BOOST_TEST(server("a").at("share") == share);
    BOOST_TEST(pool().at("moved_last_change") == share);
    // Another hash moves what chance moves, from the ring that was to the one that is.
    std::string other = rig.yaml();
    other.replace(other.find("vnodes: 16"), 10, "vnodes: 16, seed: x");
    rig.write(other);
    ok("reload");
    const double a = server("a").at("share").as_double();
    BOOST_TEST(pool().at("moved_last_change").as_double() == 1 - share * a - (1 - share) * (1 - a),
               boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(events_are_told_newest_last) {
    ok("drain main a");
    ok("register main c 192.0.2.3:80");
    const auto all = ok("events").at("events").as_array();
    BOOST_TEST_REQUIRE(all.size() == 3u);
    BOOST_TEST(all[0].at("kind") == "reload");
    BOOST_TEST(!all[0].as_object().contains("pool"));
    BOOST_TEST(all[1].at("kind") == "override");
    BOOST_TEST(all[1].at("pool") == "main");
    BOOST_TEST(all[1].at("server") == "a");
    BOOST_TEST(all[1].at("text") == "drain");
    BOOST_TEST(all[2].at("id") == 3);
    BOOST_TEST(all[2].at("text") == "at 192.0.2.3:80");
    BOOST_TEST(all[2].at("time").as_string().size() == 24u);
    BOOST_TEST(ok("events 1").at("events") == json::array{all[2]});
    BOOST_TEST(ok("events 1000").at("events").as_array().size() == 3u);
    for (const auto* count : {"0", "-1", "x", "1x", "\"\""}) {
        BOOST_TEST(
            error("events " + std::string(count)).starts_with("a count must be a whole number"));
    }
}

BOOST_AUTO_TEST_SUITE_END()
