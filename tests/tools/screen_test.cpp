// What `ringctl top` draws, without a terminal.
#include "tools/ringctl/screen.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include "tests/support/random.h"
#include "tools/ringctl/rates.h"

using namespace ringway::ringctl;
using namespace std::chrono_literals;
using Key = TopView::Key;
namespace json = boost::json;
namespace test = ringway::test;

namespace {

json::object parsed(std::string_view text) {
    return json::parse(text).as_object();
}

json::object server(const std::string& pool, const std::string& id, std::uint64_t total = 0,
                    std::uint64_t bytes = 0) {
    return {
        {"pool", pool},         {"id", id},       {"status", "online"}, {"detail", "checked ok"},
        {"active", 3},          {"total", total}, {"bytes_up", bytes},  {"bytes_down", 2 * bytes},
        {"connect_failures", 0}};
}

json::object answer(const std::vector<json::object>& servers) {
    json::array all;
    for (const auto& each : servers) all.push_back(each);
    return {{"ok", true}, {"servers", all}};
}

std::vector<std::string> texts(const std::vector<Line>& lines) {
    std::vector<std::string> out;
    for (const Line& line : lines) {
        std::string text;
        for (const Cell& cell : line) text += cell.text;
        while (text.ends_with(' ')) text.pop_back();
        out.push_back(text);
    }
    return out;
}

std::string all_of(const std::vector<Line>& lines) {
    std::string all;
    for (const std::string& line : texts(lines)) all += line + '\n';
    return all;
}

constexpr Rates::TimePoint start{};

// Two pools, two answers a second apart.
TopState busy_state() {
    TopState state;
    Rates rates;
    rates.take(answer({server("redis", "server-1"), server("web", "w")}), start);
    json::object down = server("redis", "server-2");
    down["status"] = "offline";
    down["detail"] = "down: refused";
    down["connect_failures"] = 7;
    state.servers = rates.take(
        answer({server("redis", "server-1", 25, 2048), down, server("web", "w")}), start + 2s);
    state.status = parsed(R"({"ok":true,"version":"1.0","uptime_s":192,"workers":4,"generation":5,)"
                          R"("config":{"result":"ok"},"pools":[)"
                          R"({"name":"redis","servers":2,"online":1,"active":6,"panic":false},)"
                          R"({"name":"web","servers":1,"online":1,"active":3,"panic":false}]})");
    state.pools = pool_rows(state.status, state.servers);
    state.events =
        parsed(R"({"ok":true,"events":[{"id":1,"time":"2026-01-02T03:04:05.678Z",)"
               R"("kind":"server_down","pool":"redis","server":"server-2","text":"refused"}]})");
    return state;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rates)

BOOST_AUTO_TEST_CASE(two_answers_make_a_rate_and_one_makes_none) {
    Rates rates;
    const auto first = rates.take(answer({server("p", "a", 100, 1000)}), start);
    BOOST_TEST(!first[0].traffic.connections);
    BOOST_TEST(first[0].active == 3u);
    const auto second = rates.take(answer({server("p", "a", 150, 4000)}), start + 2s);
    BOOST_TEST(second[0].traffic.connections.value() == 25.0);
    BOOST_TEST(second[0].traffic.bytes_up.value() == 1500.0);
    BOOST_TEST(second[0].traffic.bytes_down.value() == 3000.0);
}

BOOST_AUTO_TEST_CASE(counts_that_fall_and_servers_that_are_new_have_no_rate) {
    Rates rates;
    rates.take(answer({server("p", "a", 100, 1000), server("p", "gone", 5)}), start);
    const auto rows =
        rates.take(answer({server("p", "a", 90, 2000), server("p", "new", 7)}), start + 1s);
    BOOST_TEST(!rows[0].traffic.connections);
    BOOST_TEST(rows[0].traffic.bytes_up.value() == 1000.0);
    BOOST_TEST(!rows[1].traffic.connections);
    // Of one name in two pools each has its own.
    rates.take(answer({server("p", "a", 0), server("q", "a", 100)}), start + 2s);
    const auto apart =
        rates.take(answer({server("p", "a", 10), server("q", "a", 100)}), start + 3s);
    BOOST_TEST(apart[0].traffic.connections.value() == 10.0);
    BOOST_TEST(apart[1].traffic.connections.value() == 0.0);
    // Two answers at the same time give no rate.
    const auto same = rates.take(answer({server("p", "a", 99)}), start + 3s);
    BOOST_TEST(!same[0].traffic.connections);
}

BOOST_AUTO_TEST_CASE(a_pool_moves_what_its_servers_move) {
    const TopState state = busy_state();
    BOOST_REQUIRE(state.pools.size() == 2u);
    BOOST_TEST(state.pools[0].traffic.connections.value() == 12.5);
    BOOST_TEST(state.pools[0].traffic.bytes_down.value() == 2048.0);
    BOOST_TEST(state.pools[1].traffic.connections.value() == 0.0);
}

BOOST_AUTO_TEST_CASE(strange_answers_do_no_harm) {
    Rates rates;
    for (const char* text :
         {"{}", R"({"servers":1})", R"({"servers":[1,{}]})", R"({"servers":[{"total":-1}]})"}) {
        for (int i = 0; i < 2; ++i) {
            const auto rows = rates.take(parsed(text), start + i * 1s);
            BOOST_TEST(rows.size() <= 1u);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(screen)

BOOST_AUTO_TEST_CASE(a_terminal_of_80_columns_shows_what_matters) {
    TopView view;
    const auto lines = texts(lay_out(busy_state(), view, {80, 24}, false));
    BOOST_REQUIRE(lines.size() == 24u);
    const std::vector<std::string> begin{
        "ringway 1.0  up 3m 12s  generation 5  4 workers",
        "9 active  12.5 conn/s  up 1.0 KiB/s  down 2.0 KiB/s",
        "POOL          ONLINE  ACTIVE  CONN/S       UP/S     DOWN/S",
        "redis            1/2       6    12.5    1.0 KiB    2.0 KiB",
        "web              1/1       3     0.0        0 B        0 B",
        "SERVER^        STATUS   ACTIVE  CONN/S       UP/S     DOWN/S DETAIL",
        "redis/server-1 online        3    12.5    1.0 KiB    2.0 KiB checked ok",
        "redis/server-2 offline       3       -          -          - down: refused",
        "web/w          online        3     0.0        0 B        0 B checked ok"};
    BOOST_TEST(std::vector(lines.begin(), lines.begin() + 9) == begin,
               boost::test_tools::per_element());
    BOOST_TEST(lines[22] == "2026-01-02T03:04:05.678Z  server_down     redis/server-2: refused");
    BOOST_TEST(lines[23] == "1-3 of 3  q quit  <> sort  r reverse  p pool: all");
}

BOOST_AUTO_TEST_CASE(states_have_their_colours) {
    TopView view;
    const auto lines = lay_out(busy_state(), view, {80, 24}, false);
    const auto tone_of = [&](std::size_t line, std::string_view text) {
        for (const Cell& cell : lines[line]) {
            if (cell.text.starts_with(text)) return cell.tone;
        }
        return Tone::plain;
    };
    BOOST_TEST((tone_of(3, "redis") == Tone::warning));  // one of two
    BOOST_TEST((tone_of(4, "web") == Tone::good));
    BOOST_TEST((tone_of(6, "online") == Tone::good));
    BOOST_TEST((tone_of(7, "offline") == Tone::bad));
    BOOST_TEST((tone_of(22, "2026") == Tone::bad));
}

BOOST_AUTO_TEST_CASE(wide_terminals_show_more_and_narrow_ones_less) {
    TopState state = busy_state();
    state.servers[0].share = 0.25;
    TopView view;
    const std::string wide = all_of(lay_out(state, view, {120, 24}, false));
    BOOST_TEST(wide.find("SHARE") != std::string::npos);
    BOOST_TEST(wide.find("25.0 %") != std::string::npos);
    const std::string narrow = all_of(lay_out(state, view, {40, 24}, false));
    BOOST_TEST(narrow.find("CONN/S") != std::string::npos);
    BOOST_TEST(narrow.find("DETAIL") == std::string::npos);
    const std::string tiny = all_of(lay_out(state, view, {20, 6}, false));
    BOOST_TEST(tiny.find("STATUS") != std::string::npos);
    BOOST_TEST(tiny.find("CONN/S") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(servers_are_sorted_by_the_column_that_is_chosen) {
    const TopState state = busy_state();
    TopView view;
    const auto order = [&] {
        std::string ids;
        for (const ServerRow* row : chosen(state, view)) ids += row->id + ' ';
        return ids;
    };
    BOOST_TEST(order() == "server-1 server-2 w ");
    view.press(Key::reverse, state);
    BOOST_TEST(order() == "w server-2 server-1 ");
    view.press(Key::sort_right, state);
    BOOST_TEST((view.sort == SortBy::status));
    BOOST_TEST(order() == "server-2 server-1 w ");  // those that are down first
    view.press(Key::sort_right, state);
    view.press(Key::sort_right, state);
    BOOST_TEST((view.sort == SortBy::connections));
    BOOST_TEST(order() == "server-1 w server-2 ");  // what is not known is last
    view.press(Key::reverse, state);
    BOOST_TEST(order() == "server-2 w server-1 ");
    view.press(Key::sort_left, state);
    BOOST_TEST((view.sort == SortBy::active));
    view.sort = SortBy::name;
    view.press(Key::sort_left, state);
    BOOST_TEST((view.sort == SortBy::failures));
    BOOST_TEST(order() == "server-2 server-1 w ");
}

BOOST_AUTO_TEST_CASE(pools_are_shown_in_turn_and_then_all) {
    const TopState state = busy_state();
    TopView view;
    std::vector<std::string> seen;
    for (int i = 0; i < 4; ++i) {
        view.press(Key::pool, state);
        seen.push_back(view.pool);
    }
    BOOST_TEST((seen == std::vector<std::string>{"redis", "web", "", "redis"}));
    const auto lines = texts(lay_out(state, view, {80, 24}, false));
    BOOST_TEST(lines[5].starts_with("SERVER^"));
    BOOST_TEST(lines[6].starts_with("server-1 "));
    BOOST_TEST(lines[23] == "1-2 of 2  q quit  <> sort  r reverse  p pool: redis");
    view.pool = "one that went";
    view.press(Key::pool, state);
    BOOST_TEST(view.pool == "");
}

BOOST_AUTO_TEST_CASE(many_servers_are_scrolled_through_and_never_past_their_end) {
    TopState state;
    for (int i = 0; i < 100; ++i) {
        state.servers.push_back({.pool = "p", .id = std::to_string(1000 + i)});
    }
    TopView view;
    const auto last_line = [&] { return texts(lay_out(state, view, {80, 24}, false)).back(); };
    BOOST_TEST(last_line().starts_with("1-20 of 100 "));
    view.press(Key::page_down, state);
    BOOST_TEST(last_line().starts_with("21-40 of 100 "));
    view.press(Key::down, state);
    BOOST_TEST(last_line().starts_with("22-41 of 100 "));
    view.press(Key::end, state);
    BOOST_TEST(last_line().starts_with("81-100 of 100 "));
    view.press(Key::down, state);
    BOOST_TEST(last_line().starts_with("81-100 of 100 "));
    view.press(Key::page_up, state);
    view.press(Key::up, state);
    BOOST_TEST(last_line().starts_with("60-79 of 100 "));
    view.press(Key::home, state);
    view.press(Key::up, state);
    BOOST_TEST(last_line().starts_with("1-20 of 100 "));
    view.press(Key::end, state);
    state.servers.resize(5);
    BOOST_TEST(last_line().starts_with("1-5 of 5 "));
}

BOOST_AUTO_TEST_CASE(trouble_stands_above_what_was_known_last) {
    TopState state = busy_state();
    state.trouble = "admin.sock: Connection refused";
    TopView view;
    const auto lines = texts(lay_out(state, view, {80, 24}, false));
    BOOST_TEST(lines[1] == "no answer: admin.sock: Connection refused");
    BOOST_TEST(lines[6].starts_with("redis/server-1 "));
    state.trouble.clear();
    state.status["config"] = {{"result", "a.yaml:3:1: no"}};
    BOOST_TEST(texts(lay_out(state, view, {80, 24}, false))[1] ==
               "last reload failed: a.yaml:3:1: no");
    // From the first moment, when nothing is known.
    const auto nothing_yet = texts(lay_out({.trouble = "x"}, view, {80, 24}, false));
    BOOST_TEST(nothing_yet[0] == "ringctl top");
    BOOST_TEST(nothing_yet[1] == "no answer: x");
}

BOOST_AUTO_TEST_CASE(no_line_is_ever_too_long_and_no_page_too_high) {
    test::SeededRandom random;
    for (int i = 0; i < 500; ++i) {
        TopState state = busy_state();
        for (std::size_t n = random.below(40); n > 0; --n) {
            state.servers.push_back({.pool = std::string(random.below(30), 'p'),
                                     .id = std::string(random.below(60), 'i')});
            state.pools.push_back({.name = std::string(random.below(40), 'n')});
        }
        TopView view;
        view.first = random.below(100);
        const ScreenSize size{random.below(140), random.below(50)};
        const bool utf8 = random.one_in(2);
        const auto lines = texts(lay_out(state, view, size, utf8));
        BOOST_REQUIRE(lines.size() <= size.rows);
        for (const std::string& line : lines) {
            // Only what every screen has room for may be wider than the narrowest ones.
            BOOST_REQUIRE(columns_of(line) <= std::max<std::size_t>(size.columns, 17));
        }
    }
}

BOOST_AUTO_TEST_CASE(what_a_terminal_cannot_show_is_a_question_mark) {
    BOOST_TEST(for_screen("caf\xc3\xa9", true) == "caf\xc3\xa9");
    BOOST_TEST(for_screen("caf\xc3\xa9", false) == "caf?");
    BOOST_TEST(for_screen("a\xff\xc3", true) == "a??");
    BOOST_TEST(cut("caf\xc3\xa9s", 5, true) == "caf\xc3\xa9s");
    BOOST_TEST(cut("caf\xc3\xa9s!", 5, true) == "caf\xc3\xa9\xe2\x80\xa6");
    BOOST_TEST(cut("coffee", 4, false) == "cof~");
    BOOST_TEST(cut("coffee", 0, false) == "");
}

BOOST_AUTO_TEST_SUITE_END()
