#include "proxy/control/events.h"

#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

#include "proxy/base/presentable.h"

using namespace ringway::proxy;

BOOST_AUTO_TEST_SUITE(events)

BOOST_AUTO_TEST_CASE(the_last_256_are_kept_and_their_numbers_rise_for_ever) {
    Events events;
    BOOST_TEST(events.all().empty());
    for (int i = 1; i <= 1000; ++i) {
        events.add(Event::Kind::server_up, "pool", "s" + std::to_string(i), "");
        BOOST_TEST(events.all().back().id == static_cast<std::uint64_t>(i));
    }
    BOOST_TEST(events.all().size() == 256u);
    BOOST_TEST(events.all().front().id == 745u);
    BOOST_TEST(events.all().front().server == "s745");
    for (std::size_t i = 1; i < events.all().size(); ++i) {
        BOOST_TEST(events.all()[i].id == events.all()[i - 1].id + 1);
        BOOST_TEST((events.all()[i].time >= events.all()[i - 1].time));
    }
}

BOOST_AUTO_TEST_CASE(a_text_of_any_bytes_is_fit_for_json_and_terminals) {
    Events events;
    events.add(Event::Kind::reload_refused, "", "", "f\xffile \x1b[2J");
    BOOST_TEST(events.all().back().text == "f\\xffile \\x1b[2J");
    events.add(Event::Kind::reload, "", "", "Grüße");
    BOOST_TEST(events.all().back().text == "Grüße");
    BOOST_TEST(presentable("a\nb") == "a\\x0ab");
    BOOST_TEST(!is_presentable("\xed\xa0\x80"));  // a surrogate
    BOOST_TEST(is_presentable(""));
}

BOOST_AUTO_TEST_CASE(every_kind_has_a_word_of_its_own) {
    std::set<std::string_view> words;
    for (auto kind = Event::Kind::server_up; kind <= Event::Kind::draining;
         kind = static_cast<Event::Kind>(static_cast<int>(kind) + 1)) {
        BOOST_TEST(to_string(kind) != "unknown");
        words.insert(to_string(kind));
    }
    BOOST_TEST(words.size() == 11u);
    BOOST_TEST(to_string(Event::Kind::by_hand) == "override");
}

BOOST_AUTO_TEST_SUITE_END()
