// ringctl from its arguments to its exit code, against an admin socket of the
// test's own.
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "proxy/text/admin_line.h"
#include "tests/tools/fake_proxy.h"
#include "tools/ringctl/app.h"
#include "tools/ringctl/registrations.h"

using namespace ringway::ringctl;
using ringway::test::FakeProxy;
using ringway::test::TemporaryFolder;

namespace {

struct Fixture {
    ExitCode call(const std::vector<std::string>& arguments) {
        out.str({});
        err.str({});
        return run(arguments, {.socket = socket, .colours = false, .in = &input}, out, err);
    }

    // What reaches the proxy.
    std::string sent_for(const std::vector<std::string>& arguments) {
        std::filesystem::remove(socket);
        FakeProxy proxy(socket, "{\"ok\":true}\n");
        BOOST_TEST(call(arguments) == exit_done);
        return proxy.received();
    }

    // The exit code for this answer.
    ExitCode answered(std::optional<std::string> answer,
                      const std::vector<std::string>& arguments) {
        std::filesystem::remove(socket);
        const FakeProxy proxy(socket, std::move(answer));
        return call(arguments);
    }

    TemporaryFolder folder;
    std::string socket = folder.file("admin.sock");
    std::ostringstream out, err;
    std::istringstream input;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(ringctl_, Fixture)

BOOST_AUTO_TEST_CASE(words_reach_the_proxy_as_they_were_given) {
    BOOST_TEST(sent_for({"status"}) == "status\n");
    BOOST_TEST(sent_for({"explain", "redis", "user 1"}) == "explain redis \"user 1\"\n");
    BOOST_TEST(sent_for({"explain", "redis", "a\n\xff\"\\"}) ==
               "explain redis a\\x0a\\xff\\\"\\\\\n");
    BOOST_TEST(sent_for({"explain", "redis", ""}) == "explain redis \"\"\n");
    BOOST_TEST(sent_for({"later", "than", "this"}) == "later than this\n");
}

BOOST_AUTO_TEST_CASE(own_options_stand_anywhere_and_others_belong_to_the_command) {
    const std::string line = "register redis a 10.0.0.1:80 --weight 2\n";
    BOOST_TEST(sent_for({"register", "redis", "a", "10.0.0.1:80", "--weight", "2"}) == line);
    BOOST_TEST(sent_for({"--json", "register", "redis", "a", "10.0.0.1:80", "--weight", "2",
                         "--timeout", "5"}) == line);
    BOOST_TEST(sent_for({"explain", "redis", "--", "--json"}) == "explain redis --json\n");
    BOOST_TEST(sent_for({"explain", "redis", "-5"}) == "explain redis -5\n");

    FakeProxy elsewhere(folder.file("other.sock"), "{\"ok\":true}\n");
    BOOST_TEST(call({"status", "--socket", folder.file("other.sock")}) == exit_done);
    BOOST_TEST(elsewhere.received() == "status\n");
}

BOOST_AUTO_TEST_CASE(many_servers_are_registered_in_one_command_or_from_input) {
    BOOST_TEST(sent_for({"register", "p", "a", "192.0.2.1:7", "b", "192.0.2.2:7", "--weight",
                         "2"}) == "register p a 192.0.2.1:7 b 192.0.2.2:7 --weight 2\n");
    input.str(
        "# id address weight\n"
        "a 192.0.2.1:7\n"
        "\n"
        "\"b c\" [2001:db8::1]:7 3\r\n"
        "\"#d\" unix:/run/d.sock");
    BOOST_TEST(sent_for({"register", "p", "-"}) ==
               "register p a 192.0.2.1:7 \"b c\" [2001:db8::1]:7 --weight 3 #d unix:/run/d.sock\n");
    BOOST_TEST(sent_for({"set", "p", "a", "weight", "3"}) == "set p a weight 3\n");
    BOOST_TEST(sent_for({"clear", "p", "a"}) == "clear p a\n");
}

BOOST_AUTO_TEST_CASE(what_is_for_the_fleet_may_say_so_anywhere) {
    BOOST_TEST(sent_for({"drain", "p", "a", "--fleet"}) == "drain p a --fleet\n");
    BOOST_TEST(sent_for({"drain", "--fleet", "p", "a"}) == "drain p a --fleet\n");
    BOOST_TEST(sent_for({"register", "p", "--fleet", "a", "192.0.2.1:7"}) ==
               "register p a 192.0.2.1:7 --fleet\n");
    input.str("a 192.0.2.1:7\n");
    BOOST_TEST(sent_for({"register", "p", "-", "--fleet"}) == "register p a 192.0.2.1:7 --fleet\n");
    BOOST_TEST(call({"drain", "p", "--fleet"}) == exit_usage);
    BOOST_TEST(err.str() == "usage: ringctl drain POOL ID [--fleet]\n");
    BOOST_TEST(call({"drain", "p", "a", "b"}) == exit_usage);
    // Only where there is such a thing.
    BOOST_TEST(sent_for({"explain", "p", "--", "--fleet"}) == "explain p --fleet\n");
    BOOST_TEST(call({"clear", "p", "a", "--fleet"}) == exit_usage);
}

BOOST_AUTO_TEST_CASE(input_that_names_no_servers_asks_nobody) {
    const auto refused = [&](const char* lines) {
        input.clear();
        input.str(lines);
        BOOST_TEST(call({"register", "p", "-"}) == exit_usage);
        return err.str();
    };
    BOOST_TEST(refused("a 192.0.2.1:7\nb\n") ==
               "ringctl: line 2: a line must be ID ADDRESS [WEIGHT], not 1 word; "
               "nothing was registered\n");
    BOOST_TEST(refused("a 192.0.2.1:7 1 2\n").find("line 1: ") != std::string::npos);
    BOOST_TEST(refused("\n\na \"192.0.2.1\n").find("line 3: column ") != std::string::npos);
    BOOST_TEST(refused("# none\n").find("the input names no server") != std::string::npos);
    BOOST_TEST(call({"register", "p", "--"}) == exit_usage);
}

BOOST_AUTO_TEST_CASE(long_input_is_as_few_commands_as_a_lines_limit_allows) {
    std::istringstream lines("#\na 192.0.2.1:7\nb 192.0.2.2:7 5\nc 192.0.2.3:7\n");
    const std::string both = "register p a 192.0.2.1:7 b 192.0.2.2:7 --weight 5";
    const auto commands = read_registrations("p", lines, both.size()).value();
    BOOST_REQUIRE(commands.size() == 2);
    BOOST_TEST(ringway::proxy::join_admin_line(commands[0].words) == both);
    BOOST_TEST(commands[0].servers == 2u);
    BOOST_TEST(commands[0].first_line == 2u);
    BOOST_TEST(commands[0].last_line == 3u);
    BOOST_TEST(ringway::proxy::join_admin_line(commands[1].words) == "register p c 192.0.2.3:7");
    BOOST_TEST(commands[1].first_line == 4u);
    lines.clear();
    lines.seekg(0);
    const auto for_fleet = read_registrations("p", lines, both.size() + 8, true).value();
    BOOST_REQUIRE(for_fleet.size() == 2);
    BOOST_TEST(ringway::proxy::join_admin_line(for_fleet[0].words) == both + " --fleet");
}

BOOST_AUTO_TEST_CASE(what_the_proxy_refuses_is_an_error_and_exit_code_1) {
    BOOST_TEST(answered(R"({"ok":false,"error":"no such pool","errors":["f.yaml:1:1: x"]})"
                        "\n",
                        {"servers", "nope"}) == exit_refused);
    BOOST_TEST(out.str() == "");
    BOOST_TEST(err.str() == "ringctl: no such pool\n  f.yaml:1:1: x\n");
}

BOOST_AUTO_TEST_CASE(json_is_printed_as_it_came) {
    const std::string good = "{\"ok\":true, \"pid\": 7}\n", bad = R"({"ok":false,"error":"no"})"
                                                                  "\n";
    BOOST_TEST(answered(good, {"--json", "status"}) == exit_done);
    BOOST_TEST(out.str() == good);
    BOOST_TEST(answered(bad, {"status", "--json"}) == exit_refused);
    BOOST_TEST(out.str() == bad);
}

BOOST_AUTO_TEST_CASE(colours_are_what_color_says) {
    const std::string answer = R"({"ok":true,"servers":[{"id":"a","status":"online"}]})"
                               "\n";
    const auto has_colours = [&](const std::vector<std::string>& arguments, bool by_default) {
        std::filesystem::remove(socket);
        const FakeProxy proxy(socket, answer);
        out.str({});
        BOOST_TEST(run(arguments, {.socket = socket, .colours = by_default}, out, err) ==
                   exit_done);
        return out.str().find('\x1b') != std::string::npos;
    };
    BOOST_TEST(!has_colours({"servers"}, false));
    BOOST_TEST(has_colours({"servers"}, true));
    BOOST_TEST(has_colours({"--color", "auto", "servers"}, true));
    BOOST_TEST(has_colours({"--color=always", "servers"}, false));
    BOOST_TEST(!has_colours({"servers", "--color=never"}, true));
}

BOOST_AUTO_TEST_CASE(a_plan_that_a_reload_would_refuse_is_no_success) {
    BOOST_TEST(answered(R"({"ok":true,"refused":null})"
                        "\n",
                        {"plan", "a"}) == exit_done);
    const std::string refused = R"({"ok":true,"refused":"admin cannot change"})"
                                "\n";
    BOOST_TEST(answered(refused, {"plan", "a"}) == exit_refused);
    BOOST_TEST(out.str().starts_with("a reload would refuse this file: admin cannot change\n"));
    BOOST_TEST(answered(refused, {"--json", "plan", "a"}) == exit_refused);
    BOOST_TEST(out.str() == refused);
    BOOST_TEST(answered(refused, {"status"}) == exit_done);
}

BOOST_AUTO_TEST_CASE(a_file_to_plan_with_is_named_by_its_whole_path) {
    BOOST_TEST(sent_for({"plan", "/etc/a.yaml"}) == "plan /etc/a.yaml\n");
    const auto here = std::filesystem::current_path().string();
    BOOST_TEST(sent_for({"plan", "a.yaml"}) == "plan " + here + "/a.yaml\n");
    BOOST_TEST(sent_for({"plan", "a.yaml", "--fleet"}) == "plan " + here + "/a.yaml --fleet\n");
    BOOST_TEST(sent_for({"reload", "--max-moved", "10%"}) == "reload --max-moved 10%\n");
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_utf8_are_shown_all_the_same) {
    BOOST_TEST(answered("{\"ok\":true,\"owner\":\"a\",\"key\":\"\xff\xfe\"}\n",
                        {"explain", "p", "\xff\xfe"}) == exit_done);
    BOOST_TEST(out.str().find("\xff\xfe") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(long_answers_are_read_to_their_end) {
    std::string answer = R"({"ok":true,"servers":[)";
    for (int i = 0; i < 20'000; ++i) {
        answer += R"({"id":"server-)" + std::to_string(i) + R"(","pool":"p"},)";
    }
    answer.back() = ']';
    BOOST_TEST(answered(answer + "}\n", {"servers"}) == exit_done);
    BOOST_TEST(out.str().find("server-19999") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_proxy_that_cannot_be_talked_to_is_exit_code_3) {
    BOOST_TEST(call({"status"}) == exit_unreachable);
    BOOST_TEST(err.str().find("is ringway running") != std::string::npos);
    BOOST_TEST(answered(std::nullopt, {"status", "--timeout", "0.05"}) == exit_unreachable);
    BOOST_TEST(err.str().find("no answer in time") != std::string::npos);
    BOOST_TEST(answered("", {"status"}) == exit_unreachable);
    BOOST_TEST(err.str().find("closed without an answer") != std::string::npos);
    for (const char* nonsense : {"hello\n", "[]\n", "{}\n", "{\"ok\":1}\n", "{\"ok\":true\n"}) {
        BOOST_TEST(answered(nonsense, {"status"}) == exit_unreachable);
    }
    BOOST_TEST(call({"status", "--socket", std::string(200, 'a')}) == exit_unreachable);
}

BOOST_AUTO_TEST_CASE(wrong_usage_is_exit_code_2_and_asks_nobody) {
    BOOST_TEST(call({}) == exit_usage);
    BOOST_TEST(call({"server", "redis"}) == exit_usage);
    BOOST_TEST(err.str() == "usage: ringctl server POOL ID\n");
    BOOST_TEST(call({"status", "now"}) == exit_usage);
    BOOST_TEST(call({"help", "nonsense"}) == exit_usage);
    BOOST_TEST(call({"status", "--socket"}) == exit_usage);
    BOOST_TEST(call({"status", "--color", "pink"}) == exit_usage);
    BOOST_TEST(call({"completion", "fish"}) == exit_usage);
    BOOST_TEST(call({"top"}) == exit_usage);
    BOOST_TEST(err.str().find("top needs a terminal") != std::string::npos);
    for (const char* timeout : {"x", "0", "-1", "1e9", "nan", "inf", ""}) {
        BOOST_TEST(call({"status", "--timeout", timeout}) == exit_usage);
    }
}

BOOST_AUTO_TEST_CASE(help_names_every_command_and_explains_each) {
    BOOST_TEST(call({"help"}) == exit_done);
    const std::string all = out.str();
    for (const char* name : {"status", "servers", "server", "register", "unregister", "drain",
                             "auto", "explain", "reload", "top", "events", "ring", "plan", "forget",
                             "overrides", "completion", "set", "clear", "fleet"}) {
        BOOST_TEST(all.find(std::string("  ") + name) != std::string::npos);
        BOOST_TEST(call({"help", name}) == exit_done);
        BOOST_TEST(out.str().starts_with(std::string("usage: ringctl ") + name));
    }
    BOOST_TEST(call({"server", "redis", "a", "--help"}) == exit_done);
    BOOST_TEST(out.str().starts_with("usage: ringctl server POOL ID\n"));
    BOOST_TEST(call({"--help"}) == exit_done);
    BOOST_TEST(out.str() == all);
    BOOST_TEST(call({"--version"}) == exit_done);
    BOOST_TEST(out.str().starts_with("ringctl "));
}

BOOST_AUTO_TEST_SUITE_END()
