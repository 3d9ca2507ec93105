// Debug lines: the steps of a connection, and the level that is set at run time.
#include <algorithm>
#include <chrono>
#include <string>

#include <spdlog/spdlog.h>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>

#include "proxy/base/access_log.h"
#include "proxy/base/log_level.h"
#include "tests/proxy/asking.h"
#include "tests/proxy/control_rig.h"
#include "tests/proxy/worker_rig.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::Fd;
using test::keyed_by_first_line;
using test::WorkerRig;
using Level = conf::LogSettings::Level;
namespace json = boost::json;

namespace {

// The lines of one connection, found as an operator finds them: with grep.
std::string lines_with(const std::string& text, const std::string& piece) {
    std::string found;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        const std::string line = text.substr(at, end - at);
        if (line.find(piece) != std::string::npos) found += line + "\n";
        at = end + 1;
    }
    return found;
}

// A connection by `key` from its accept to its end.
std::string serve_one(WorkerRig& rig, const std::string& key, const std::string& id) {
    Fd client = rig.connect();
    const std::string address = test::local_endpoint(client).to_string();
    test::send_all(client, key + "\n");
    Fd server = rig.accept(id);
    BOOST_TEST(test::receive(server, key.size() + 1) == key + "\n");
    client.close();
    BOOST_TEST(test::receive_to_end(server).bytes == "");
    server.close();
    return address;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(log_debug)

BOOST_AUTO_TEST_CASE(each_step_of_a_connection_is_a_line_with_the_servers_passed_over_and_why) {
    WorkerRig rig(keyed_by_first_line());
    rig.add_server("full", test::listening_socket(), 1);
    rig.add_server("dead", test::bound_socket());
    rig.add_server("good");
    const std::string key = rig.key_of({"full", "dead", "good"});
    const Fd first = rig.connect();
    test::send_all(first, key + "\n");
    const Fd held = rig.accept("full");

    proxy::set_log_level(Level::debug);
    const std::string client = serve_one(rig, key, "good");
    BOOST_TEST(rig.log().has(" ended: done, server good, "));
    proxy::set_log_level(Level::info);

    const std::string about = " debug connection=0-2 listener=front client=" + client + " key=\"";
    const std::string lines = lines_with(rig.log().text(), "connection=0-2 ");
    BOOST_TEST_CONTEXT(lines) {
        const auto has = [&](const std::string& piece) {
            return lines.find(piece) != std::string::npos;
        };
        BOOST_TEST(has(about + "\" accepted\n"));
        BOOST_TEST(has(about + key + "\" placed by its key: hash 0x"));
        BOOST_TEST(has(", owner full of pool main, ring 4\n"));
        BOOST_TEST(has("\" server full passed over: full, 1 open\n"));
        const auto dead = test::local_endpoint(rig.socket("dead")).to_string();
        BOOST_TEST(has("\" dial 1 of 3: server dead at " + dead + "\n"));
        BOOST_TEST(has("\" dial of server dead: Connection refused after "));
        BOOST_TEST(has("\" dial 2 of 3: server good at "));
        BOOST_TEST(has("\" dial of server good: connected after "));
        BOOST_TEST(std::count(lines.begin(), lines.end(), '\n') == 8);
    }
}

BOOST_AUTO_TEST_CASE(a_server_over_its_bound_is_told_apart_from_a_full_one) {
    auto settings = keyed_by_first_line();
    settings.balance_factor = 1;
    WorkerRig rig(settings);
    rig.add_server("a");
    rig.add_server("b");
    const std::string key = rig.key_of({"a", "b"});
    const Fd first = rig.connect();
    test::send_all(first, key + "\n");
    const Fd held = rig.accept("a");
    proxy::set_log_level(Level::debug);
    serve_one(rig, key, "b");
    BOOST_TEST(rig.log().has(" server a passed over: over its bound, 1 open\n"));
}

BOOST_AUTO_TEST_CASE(nothing_is_logged_of_it_at_another_level) {
    WorkerRig rig(keyed_by_first_line());
    rig.add_server("a");
    serve_one(rig, rig.key_of({"a"}), "a");
    BOOST_TEST(rig.is_idle());
    BOOST_TEST(!proxy::logs_debug());
    spdlog::warn("the last line");
    BOOST_TEST(rig.log().has("the last line"));
    BOOST_TEST(rig.log().count(" debug ") == 0u);
}

BOOST_AUTO_TEST_CASE(a_step_is_a_json_object_and_its_key_is_escaped) {
    const test::CapturedLog log;
    proxy::set_log_style({.level = Level::debug, .format = conf::LogSettings::Format::json});
    const auto client = test::endpoint("192.0.2.1:4711");
    proxy::log_debug({.worker = 1,
                      .number = 7,
                      .listener = "front",
                      .client = client,
                      .key = "a\"\n\xff",
                      .message = "accepted"});
    BOOST_TEST(log.has("\n"));
    auto line = json::parse(log.text()).as_object();
    BOOST_TEST(line.begin()->key() == "time");
    line.erase("time");
    BOOST_TEST(line == (json::object{{"level", "debug"},
                                     {"message", "accepted"},
                                     {"connection", "1-7"},
                                     {"listener", "front"},
                                     {"client", "192.0.2.1:4711"},
                                     {"key", R"(a\x22\x0a\xff)"}}));
}

BOOST_AUTO_TEST_CASE(a_level_for_a_time_ends_by_itself) {
    const test::CapturedLog log;
    boost::asio::io_context io;
    proxy::LogLevel level(io, Level::info);
    BOOST_TEST(!level.left());
    level.set(Level::debug, conf::Duration(30));
    BOOST_TEST((level.level() == Level::debug));
    BOOST_TEST(proxy::logs_debug());
    BOOST_TEST(level.left().has_value());
    io.run();  // until nothing is to come
    BOOST_TEST((level.level() == Level::info));
    BOOST_TEST(!proxy::logs_debug());
    BOOST_TEST(!level.left());
    BOOST_TEST(log.has(" info log: level debug for 30ms\n"));
    BOOST_TEST(log.has(" info log: level info again: the time is over\n"));
}

BOOST_AUTO_TEST_CASE(a_reload_leaves_a_level_that_has_a_time_and_ends_one_without) {
    const test::CapturedLog log;
    boost::asio::io_context io;
    proxy::LogLevel level(io, Level::info);
    level.set(Level::debug, conf::Duration(60'000));
    BOOST_TEST((level.adopt({.level = Level::warn}).level == Level::debug));
    BOOST_TEST((level.of_file() == Level::warn));
    // A shorter one replaces it; after it the file's current level applies.
    level.set(Level::debug, conf::Duration(10));
    io.run();
    BOOST_TEST((level.level() == Level::warn));

    level.set(Level::debug, {});
    BOOST_TEST(!level.left());
    BOOST_TEST((level.adopt({.level = Level::error}).level == Level::error));
    BOOST_TEST((level.level() == Level::error));
    // The last setting applies.
    level.set(Level::debug, conf::Duration(60'000));
    level.set(Level::info, {});
    BOOST_TEST(!level.left());
    BOOST_TEST((level.adopt({.level = Level::warn}).level == Level::warn));
}

BOOST_AUTO_TEST_CASE(the_admin_socket_sets_it_and_the_status_shows_it) {
    test::ControlRig rig;
    proxy::Control control{rig.file(), rig.parsed(), rig.log().writer()};
    const auto ok = [&](const char* line) { return test::ask_well(control, line); };
    const auto error = [&](const char* line) { return test::refusal_of(control, line); };
    const auto shown = [&] { return ok("status").at("log").as_object(); };
    BOOST_TEST(shown() ==
               (json::object{{"level", "info"}, {"file_level", "info"}, {"left_s", nullptr}}));
    const auto set = ok("log level debug for 5m");
    BOOST_TEST(set.at("level") == "debug");
    BOOST_TEST(set.at("file_level") == "info");
    BOOST_TEST(set.at("left_s") == 300);
    ok("reload");
    BOOST_TEST(shown().at("level") == "debug");
    BOOST_TEST(rig.log().has(" debug reload: the file is read, "));
    BOOST_TEST(rig.log().has(" debug configuration: it serves, "));
    BOOST_TEST(ok("log level warn").at("left_s").is_null());
    BOOST_TEST(ok("log level").at("level") == "warn");
    ok("reload");
    BOOST_TEST(ok("log level").at("level") == "info");

    BOOST_TEST(error("log") == "usage: log level [LEVEL [for TIME]]");
    BOOST_TEST(error("log levels debug") == "usage: log level [LEVEL [for TIME]]");
    BOOST_TEST(error("log level debug for") == "usage: log level [LEVEL [for TIME]]");
    BOOST_TEST(error("log level loud").starts_with("a level must be debug, info, warn or error"));
    for (const auto* time : {"5", "0s", "25h", "-1s", "now", "\"\""}) {
        error(("log level debug for " + std::string(time)).c_str());
    }
    error("log level debug until 5m");
    BOOST_TEST(ok("log level").at("level") == "info");
}

BOOST_AUTO_TEST_SUITE_END()
