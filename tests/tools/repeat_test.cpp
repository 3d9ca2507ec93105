// Commands that repeat: --watch and events --follow, against a proxy with given answers, one
// between two pauses.
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/tools/fake_proxy.h"
#include "tools/ringctl/app.h"

using namespace ringway::ringctl;
using namespace std::chrono_literals;
using ringway::test::FakeProxy;
using ringway::test::TemporaryFolder;

namespace {

struct Fixture {
    // Gives these answers in turn; an empty one means that the proxy is not running.
    ExitCode call(const std::vector<std::string>& arguments, std::vector<std::string> given,
                  bool terminal = false) {
        answers = std::move(given);
        out.str({});
        err.str({});
        asked.clear();
        pauses.clear();
        begin_next();
        const auto pause = [this](std::chrono::milliseconds time) {
            pauses.push_back(time);
            end_last();
            if (answers.empty()) return false;
            begin_next();
            return true;
        };
        const ExitCode code = run(arguments,
                                  {.socket = socket,
                                   .terminal = terminal,
                                   .rows = [this] { return rows; },
                                   .pause = pause},
                                  out, err);
        end_last();
        return code;
    }

    void begin_next() {
        if (!answers.front().empty()) {
            proxy = std::make_unique<FakeProxy>(socket, answers.front() + '\n');
        }
        answers.erase(answers.begin());
    }
    void end_last() {
        if (!proxy) return;
        asked.push_back(proxy->received());
        proxy.reset();
        std::filesystem::remove(socket);
    }

    std::size_t rows = 0;
    TemporaryFolder folder;
    std::string socket = folder.file("admin.sock");
    std::ostringstream out, err;
    std::vector<std::string> answers, asked;
    std::vector<std::chrono::milliseconds> pauses;
    std::unique_ptr<FakeProxy> proxy;
};

const std::string empty_servers = R"({"ok":true,"servers":[]})";

std::string events(const std::vector<int>& ids) {
    std::string all;
    for (const int id : ids) {
        all += (all.empty() ? "" : ",") + std::string(R"({"id":)") + std::to_string(id) +
               R"(,"time":"T","kind":"reload","text":")" + std::to_string(id) + R"("})";
    }
    return R"({"ok":true,"events":[)" + all + "]}";
}

std::string lines(const std::vector<int>& ids) {
    std::string all;
    for (const int id : ids) all += "T  reload          " + std::to_string(id) + '\n';
    return all;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(repeat, Fixture)

BOOST_AUTO_TEST_CASE(watching_asks_again_after_a_second_or_so_many) {
    BOOST_TEST(call({"--watch", "servers"}, {empty_servers, empty_servers}) == exit_done);
    BOOST_TEST(out.str() == "no servers\n\nno servers\n");
    BOOST_TEST((asked == std::vector<std::string>{"servers\n", "servers\n"}));
    BOOST_TEST((pauses == std::vector<std::chrono::milliseconds>{1s, 1s}));
    call({"servers", "--watch", "0.5"}, {empty_servers});
    BOOST_TEST((pauses == std::vector<std::chrono::milliseconds>{500ms}));
    BOOST_TEST((asked == std::vector<std::string>{"servers\n"}));
    call({"--watch=2", "servers", "p"}, {empty_servers});
    BOOST_TEST((pauses == std::vector<std::chrono::milliseconds>{2s}));
    BOOST_TEST((asked == std::vector<std::string>{"servers p\n"}));
}

BOOST_AUTO_TEST_CASE(a_terminal_is_drawn_anew_without_flicker) {
    BOOST_TEST(call({"--watch", "servers"}, {empty_servers, empty_servers}, true) == exit_done);
    BOOST_TEST(out.str() ==
               "\x1b[H\x1b[2J\x1b[?7lno servers\x1b[K\n\x1b[J\x1b[?7h"
               "\x1b[H\x1b[?7lno servers\x1b[K\n\x1b[J\x1b[?7h");
    call({"--watch", "--json", "servers"}, {empty_servers, empty_servers}, true);
    BOOST_TEST(out.str() == empty_servers + '\n' + empty_servers + '\n');
}

BOOST_AUTO_TEST_CASE(what_a_terminal_has_no_room_for_is_counted) {
    const std::string three = events({1, 2, 3});
    const auto shown = [&](std::size_t room) {
        rows = room;
        call({"--watch", "events"}, {three}, true);
        std::string text = out.str();
        for (const std::string code : {"\x1b[H\x1b[2J\x1b[?7l", "\x1b[J\x1b[?7h"}) {
            text.erase(text.find(code), code.size());
        }
        for (auto at = text.find("\x1b[K"); at != std::string::npos; at = text.find("\x1b[K")) {
            text.erase(at, 3);
        }
        return text;
    };
    BOOST_TEST(shown(0) == lines({1, 2, 3}));
    BOOST_TEST(shown(4) == lines({1, 2, 3}));
    BOOST_TEST(shown(3) == lines({1}) + "and 2 more lines\n");
    BOOST_TEST(shown(2) == "and 3 more lines\n");
}

BOOST_AUTO_TEST_CASE(watching_outlives_refusals_and_a_proxy_that_is_away) {
    BOOST_TEST(call({"--watch", "servers", "p"},
                    {R"({"ok":false,"error":"no pool p"})", "", empty_servers}) == exit_done);
    BOOST_TEST(out.str().starts_with("ringctl: no pool p\n\nringctl: "));
    BOOST_TEST(out.str().ends_with("\n\nno servers\n"));
}

BOOST_AUTO_TEST_CASE(only_what_looks_is_repeated) {
    for (const char* command : {"reload", "top", "later"}) {
        BOOST_TEST(run({"--watch", command}, {.socket = socket}, out, err) == exit_usage);
    }
    BOOST_TEST(run({"--watch", "events", "--follow"}, {.socket = socket}, out, err) == exit_usage);
    for (const char* time : {"--watch=0", "--watch=x", "--watch=1e9"}) {
        BOOST_TEST(run({time, "status"}, {.socket = socket}, out, err) == exit_usage);
    }
}

BOOST_AUTO_TEST_CASE(events_are_shown_once_each_as_they_come) {
    BOOST_TEST(call({"events", "--follow", "2"},
                    {events({8, 9}), events({1, 8, 9}), events({8, 9, 10, 11})}) == exit_done);
    BOOST_TEST(out.str() == lines({8, 9, 10, 11}));
    BOOST_TEST((asked == std::vector<std::string>{"events 2\n", "events\n", "events\n"}));
    BOOST_TEST(err.str() == "");
}

BOOST_AUTO_TEST_CASE(events_that_were_missed_and_a_new_beginning_are_told_apart) {
    call({"events", "--follow"}, {events({1, 2}), events({6, 7}), events({1}), events({1, 2})});
    BOOST_TEST(out.str() == lines({1, 2, 6, 7, 1, 2}));
    BOOST_TEST(err.str() == "ringctl: 3 events missed\n");
}

BOOST_AUTO_TEST_CASE(following_waits_for_a_proxy_that_is_away_and_says_so_once) {
    call({"events", "--follow"}, {events({1}), "", "", events({1, 2})});
    BOOST_TEST(out.str() == lines({1, 2}));
    const std::string told = err.str();
    BOOST_TEST(told.find("is ringway running") == told.rfind("is ringway running"));
    BOOST_TEST(told.ends_with("ringctl: it answers again\n"));
    BOOST_TEST(call({"events", "--follow"}, {R"({"ok":false,"error":"no command"})"}) ==
               exit_refused);
}

BOOST_AUTO_TEST_CASE(events_are_objects_line_by_line_where_json_is_wanted) {
    call({"events", "--follow", "--json"}, {events({1})});
    BOOST_TEST(out.str() == "{\"id\":1,\"time\":\"T\",\"kind\":\"reload\",\"text\":\"1\"}\n");
}

BOOST_AUTO_TEST_SUITE_END()
