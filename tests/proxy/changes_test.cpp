// The commands that change the running proxy, or plan a change.
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include <signal.h>
#include <unistd.h>

#include <fmt/format.h>
#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>

#include "proxy/admin/admin.h"
#include "proxy/admin/commands.h"
#include "proxy/control/config_file.h"
#include "proxy/control/state_file.h"
#include "tests/proxy/asking.h"
#include "tests/proxy/control_rig.h"

using namespace ringway;
using namespace std::chrono_literals;
namespace json = boost::json;
using Strings = std::vector<std::string>;

namespace {

struct Fixture {
    test::ControlRig rig;
    test::TempDir dir;
    std::optional<proxy::Control> control;

    // With a state file in a folder of its own.
    std::string yaml(std::string_view of_pool = "") const {
        std::string text = rig.yaml(of_pool);
        const std::string socket = "{socket: \"" + rig.admin_path() + '"';
        return text.replace(text.find(socket), socket.size(),
                            socket + ", state: \"" + state() + '"');
    }
    std::string state() const { return dir.path("state.json"); }
    void restart() {
        control.reset();
        control.emplace(rig.file(), rig.parsed(), rig.log().writer());
    }
    // A Control that has read its state, as run() does, and serves for a moment.
    void run_to_end() {
        const std::size_t begun = rig.log().count(" ready: ");
        std::thread thread([&] { std::ignore = proxy::serve(*control); });
        BOOST_TEST(rig.log().has(" ready: ", begun + 1));
        ::kill(::getpid(), SIGTERM);
        thread.join();
    }

    json::object ask(const std::string& line) { return test::ask(*control, line); }
    json::object ok(const std::string& line) { return test::ask_well(*control, line); }
    std::string error(const std::string& line) { return test::refusal_of(*control, line); }
    Strings ids() { return test::ids_of(*control, "servers"); }
    proxy::Overrides kept() const { return proxy::StateFile(state()).load().value(); }
    void begin() {
        restart();
        BOOST_REQUIRE(control->finish(control->reload()).has_value());
    }
    Fixture() { rig.write(yaml()); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(changes, Fixture)

BOOST_AUTO_TEST_CASE(overrides_are_in_the_file_before_the_answer) {
    begin();
    BOOST_TEST(kept().empty());
    BOOST_TEST(ok("register main c 192.0.2.3:80 --weight 3").at("kept") == true);
    BOOST_TEST(kept().at("main").at("c").registered->weight == 3u);
    BOOST_TEST(ok("unregister main a").at("kept") == true);
    BOOST_TEST(kept().at("main").at("a").unregistered);
    BOOST_TEST(ok("drain main b").at("kept") == true);
    BOOST_TEST((kept().at("main").at("b").admin_state == proxy::AdminState::drain));
    const auto status = ok("status").at("state").as_object();
    BOOST_TEST(status.at("file").as_string() == state());
    BOOST_TEST(status.at("servers") == 3);
    BOOST_TEST(status.at("problem").is_null());
    BOOST_TEST(status.at("written_at").as_string().ends_with("Z"));
    ok("auto main b");
    ok("forget main a");
    ok("forget main c");
    BOOST_TEST(kept().empty());
    BOOST_TEST(ids() == (Strings{"a", "b"}), boost::test_tools::per_element());
    BOOST_TEST(error("forget main a") == "pool main: no server a has overrides");
    BOOST_TEST(error("forget none a") == "no pool none");
    BOOST_TEST(error("forget main") == "usage: forget POOL ID [--fleet]");
}

BOOST_AUTO_TEST_CASE(overrides_lists_all_and_whether_they_are_active) {
    begin();
    ok("register main c 192.0.2.3:80 --weight 3");
    ok("unregister main a");
    const auto all = ok("overrides").at("overrides").as_array();
    BOOST_REQUIRE(all.size() == 2u);
    BOOST_TEST(all[0].at("id") == "a");
    BOOST_TEST(all[0].at("unregistered") == true);
    BOOST_TEST(all[0].at("registered").is_null());
    BOOST_TEST(all[0].at("active") == true);
    BOOST_TEST(all[1].at("registered").at("weight") == 3);
    BOOST_TEST(all[1].at("override") == "auto");
}

BOOST_AUTO_TEST_CASE(weights_and_addresses_are_set_kept_and_listed) {
    begin();
    const auto set = ok("set main a weight 3");
    BOOST_TEST(set.at("kept") == true);
    BOOST_TEST(set.at("server").at("weight") == 3);
    BOOST_TEST(ok("set main a address 192.0.2.9:9").at("server").at("address") == "192.0.2.9:9");
    BOOST_TEST(kept().at("main").at("a").weight.value() == 3u);
    BOOST_TEST(kept().at("main").at("a").address->to_string() == "192.0.2.9:9");
    const auto all = ok("overrides").at("overrides").as_array();
    BOOST_REQUIRE(all.size() == 1u);
    BOOST_TEST(all[0].at("weight") == 3);
    BOOST_TEST(all[0].at("address") == "192.0.2.9:9");
    BOOST_TEST(all[0].at("registered").is_null());

    BOOST_TEST(error("set main a weight x") == "a weight must be a whole number, not \"x\"");
    BOOST_TEST(error("set main a weight 1001") == "weight 1001 is more than 1000");
    BOOST_TEST(error("set main a address x").starts_with("an address must be like 192.0.2.1:80, "));
    BOOST_TEST(error("set main none weight 1") == "pool main has no server none");
    BOOST_TEST(error("set main a color red").starts_with("usage: set POOL ID weight N"));
    BOOST_TEST(error("set main a weight").starts_with("usage: set POOL ID weight N"));
    BOOST_TEST(error("clear main none") == "pool main has no server none");
    BOOST_TEST(ok("clear main a").at("server").at("id") == "a");
    ok("forget main a");
    BOOST_TEST(kept().empty());
    BOOST_TEST(ok("server main a").at("server").at("weight") == 1);
}

BOOST_AUTO_TEST_CASE(many_in_one_command_are_answered_by_their_ids) {
    begin();
    const auto answer = ok("register main c 192.0.2.3:80 --weight 3 d 192.0.2.4:80");
    BOOST_TEST(answer.at("registered").as_array() == (json::array{"c", "d"}));
    BOOST_TEST(answer.at("kept") == true);
    BOOST_TEST(kept().at("main").at("c").registered->weight == 3u);
    BOOST_TEST(kept().at("main").at("d").registered->weight == 1u);
    for (const char* line :
         {"register main e 192.0.2.3:80 f", "register main e 192.0.2.3:80 --weight",
          "register main e 192.0.2.3:80 --weight 1 --weight 2",
          "register main --weight 2 e 192.0.2.3:80"}) {
        BOOST_TEST(error(line).starts_with("usage: register POOL ID ADDRESS"));
    }
    BOOST_TEST(!error("register main e 192.0.2.3:80 f nowhere").empty());
    BOOST_TEST(error("register main e 192.0.2.3:80 e 192.0.2.4:80") ==
               "server e is named more than once");
    BOOST_TEST(ids() == (Strings{"a", "b", "c", "d"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(without_a_file_the_answer_says_that_nothing_is_kept) {
    rig.write(rig.yaml());
    begin();
    const auto answer = ok("register main c 192.0.2.3:80");
    BOOST_TEST(answer.at("kept") == false);
    BOOST_TEST(answer.at("not_kept") == "no state file is configured (admin: state)");
    BOOST_TEST(ok("status").at("state").at("file").is_null());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_counts_until_it_can) {
    begin();
    std::filesystem::create_directory(state() + ".new");
    const auto answer = ok("register main c 192.0.2.3:80");
    BOOST_TEST(answer.at("kept") == false);
    BOOST_TEST(ids() == (Strings{"a", "b", "c"}), boost::test_tools::per_element());
    BOOST_TEST(!ok("status").at("state").at("problem").is_null());
    BOOST_TEST(rig.log().has("run-time overrides are not kept: "));
    BOOST_TEST(kept().empty());
    std::filesystem::remove(state() + ".new");
    ok("reload");
    BOOST_TEST(kept().at("main").contains("c"));
    BOOST_TEST(ok("status").at("state").at("problem").is_null());
}

BOOST_AUTO_TEST_CASE(overrides_survive_a_restart) {
    begin();
    ok("register main c 192.0.2.3:80");
    ok("unregister main a");
    restart();
    run_to_end();
    BOOST_TEST(ids() == (Strings{"b", "c"}), boost::test_tools::per_element());
    // The file takes over what it names.
    rig.write(yaml("      - {id: c, address: \"192.0.2.4:80\"}\n"));
    restart();
    run_to_end();
    BOOST_TEST(ok("server main c").at("server").at("source") == "file");
    BOOST_TEST(test::eventually([&] { return !kept().at("main").contains("c"); }));
}

BOOST_AUTO_TEST_CASE(nothing_begins_over_a_file_that_is_not_understood) {
    dir.write("state.json", "{\"version\": 1, \"servers\": [\n{\"pool\":\"ma");
    restart();
    const auto reason = proxy::serve(*control);
    BOOST_TEST(reason.error().text.starts_with("run-time overrides: " + state() +
                                               ": 2:12: not valid JSON: "));
    BOOST_TEST(!std::filesystem::exists(state() + ".new"));
    BOOST_TEST(proxy::StateFile(state()).load().error().text.find("2:12") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_fingerprint_is_that_of_the_bytes) {
    begin();
    const auto first = std::string(ok("status").at("config").at("fingerprint").as_string());
    BOOST_TEST(first == proxy::load_config(rig.file())->fingerprint);
    BOOST_TEST(first.size() == 64u);
    BOOST_TEST(rig.log().has("file " + first));
    rig.write(yaml() + "# a word more\n");
    ok("reload");
    const auto config = ok("status").at("config").as_object();
    BOOST_TEST(config.at("fingerprint").as_string() != first);
    BOOST_TEST(config.at("reloaded_at").as_string().ends_with("Z"));
    // One that is refused is not the one that serves.
    rig.write("version: 2\n");
    error("reload");
    BOOST_TEST(ok("status").at("config").at("fingerprint") == config.at("fingerprint"));
}

BOOST_AUTO_TEST_CASE(a_plan_tells_what_a_reload_would_do_and_does_nothing) {
    begin();
    ok("unregister main a");
    ok("drain main b");
    ok("register main r 192.0.2.7:80 --weight 2");
    const std::string file = dir.path("next.yaml");
    dir.write("next.yaml", yaml("      - {id: c, address: \"192.0.2.3:80\"}\n"));
    const auto answer = ok("plan " + file);
    BOOST_TEST(answer.at("refused").is_null());
    BOOST_TEST(answer.at("changes").as_array().size() == 1u);
    BOOST_TEST(answer.at("changes").at(0).at("path") == "pools.main.servers.c");
    BOOST_TEST(answer.at("notes").as_array().size() == 1u);
    const auto& pool = answer.at("pools").at(0).as_object();
    BOOST_TEST(pool.at("before").at("servers") == 2);
    BOOST_TEST(pool.at("before").at("online") == 1);
    BOOST_TEST(pool.at("after").at("online") == 2);
    // All keys that move, move from the online server to the new one.
    BOOST_REQUIRE(pool.at("moves").as_array().size() == 1u);
    BOOST_TEST(pool.at("moves").at(0).at("from") == "r");
    BOOST_TEST(pool.at("moves").at(0).at("to") == "c");
    BOOST_TEST(pool.at("moves").at(0).at("share") == pool.at("moved"));
    BOOST_TEST(ids() == (Strings{"b", "r"}), boost::test_tools::per_element());
    // And that is what the reload does.
    rig.write(yaml("      - {id: c, address: \"192.0.2.3:80\"}\n"));
    const auto before = control->pools().find("main")->ring->snapshot();
    ok("reload");
    const auto after = control->pools().find("main")->ring->snapshot();
    BOOST_TEST(ring::key_moves(*before, *after).moved == pool.at("moved").as_double());
}

BOOST_AUTO_TEST_CASE(a_plan_of_a_bad_file_tells_its_errors_and_one_that_cannot_be_says_so) {
    begin();
    dir.write("bad.yaml", "version: 2\n");
    const auto bad = ask("plan " + dir.path("bad.yaml"));
    BOOST_TEST(bad.at("ok") == false);
    BOOST_TEST(bad.at("errors").as_array().back().as_string().starts_with(dir.path("bad.yaml") +
                                                                          ":1:10: "));
    BOOST_TEST(error("plan") == "usage: plan FILE [--fleet]");
    std::string text = yaml();
    text.replace(text.find("workers: 1"), 10, "workers: 2");
    dir.write("next.yaml", text);
    BOOST_TEST(ok("plan " + dir.path("next.yaml")).at("refused") ==
               "workers cannot change while running: restart");
    // The outermost of what cannot change is named.
    const auto refused_with = [&](std::string changed) {
        changed.replace(changed.find("state.json"), 10, "other.json");
        dir.write("next.yaml", changed);
        const auto answer = ok("plan " + dir.path("next.yaml"));
        return std::string(answer.at("refused").as_string());
    };
    BOOST_TEST(refused_with(text) == "workers cannot change while running: restart");
    BOOST_TEST(refused_with(yaml()) == "admin.state cannot change while running: restart");
    // Rings that do not fit are not made.
    for (int i = 0; i < 17; ++i) ok(fmt::format("register main r{} 192.0.2.7:7 --weight 1000", i));
    text = yaml();
    text.replace(text.find("vnodes: 16"), 10, "vnodes: 1024");
    dir.write("next.yaml", text);
    const auto answer = ok("plan " + dir.path("next.yaml"));
    BOOST_TEST(answer.at("refused").as_string().find("a ring takes ") != json::string::npos);
    BOOST_TEST(answer.at("pools").as_array().empty());
    BOOST_TEST(answer.at("changes").at(0).at("path") == "pools.main.hash.vnodes");
}

BOOST_AUTO_TEST_CASE(a_maglev_pool_takes_weights_that_would_be_too_many_points) {
    begin();
    std::string text = yaml();
    text.replace(text.find("vnodes: 16"), 10, "algorithm: maglev");
    rig.write(text);
    ok("reload");
    for (int i = 0; i < 24; ++i) ok(fmt::format("register main r{} 192.0.2.7:7 --weight 1000", i));
    ok("reload");
    dir.write("next.yaml", text);
    BOOST_TEST(ok("plan " + dir.path("next.yaml")).at("refused").is_null());
    // As a ring it would have 24,000 x 704 points.
    text.replace(text.find("algorithm: maglev"), 17, "algorithm: ring");
    dir.write("next.yaml", text);
    BOOST_TEST(ok("plan " + dir.path("next.yaml"))
                   .at("refused")
                   .as_string()
                   .ends_with("points; a ring takes 16777216"));
}

BOOST_AUTO_TEST_CASE(a_reload_beyond_its_limit_changes_nothing_and_says_what_would_move) {
    begin();
    const auto generation = ok("status").at("generation");
    rig.write(yaml("      - {id: c, address: \"192.0.2.3:80\"}\n"));
    const auto refused = ask("reload --max-moved 1%");
    BOOST_TEST(refused.at("ok") == false);
    BOOST_TEST(refused.at("errors").at(0).as_string().starts_with("pool main: "));
    BOOST_TEST(refused.at("errors").at(0).as_string().ends_with(" % of the keys would move"));
    BOOST_TEST(ids() == (Strings{"a", "b"}), boost::test_tools::per_element());
    BOOST_TEST(ok("status").at("generation") == generation);
    BOOST_TEST(ok("status").at("config").at("failed_reloads") == 1);
    BOOST_TEST(ok("reload --max-moved 99.5%").at("changes").as_array().size() == 1u);
    BOOST_TEST(ids() == (Strings{"a", "b", "c"}), boost::test_tools::per_element());
    for (const auto* words :
         {"--max-moved", "--max-moved 10", "--max-moved 101%", "10%", "--max 1%"}) {
        BOOST_TEST(error("reload " + std::string(words)) ==
                   "usage: reload [--max-moved N%], as 10% or 2.5%");
    }
}

BOOST_AUTO_TEST_CASE(a_storm_of_signals_is_few_reloads_and_the_last_file_wins) {
    restart();
    std::thread thread([&] { std::ignore = proxy::serve(*control); });
    BOOST_REQUIRE(rig.log().has(" ready: "));
    constexpr int signals = 1000;
    const auto begin = proxy::Clock::now();
    for (int i = 0; i < signals; ++i) {
        if (i == signals - 1) rig.write(yaml("      - {id: last, address: \"192.0.2.3:80\"}\n"));
        ::kill(::getpid(), SIGHUP);
    }
    BOOST_TEST(rig.log().has("+ pools.main.servers.last: "));
    ::kill(::getpid(), SIGTERM);
    thread.join();
    // One every 20 ms at the most, however long a busy machine takes to send them.
    const auto most = (proxy::Clock::now() - begin) / 20ms + 1;
    BOOST_TEST(control->config_status().reloads <= static_cast<std::uint64_t>(most));
}

BOOST_AUTO_TEST_SUITE_END()
