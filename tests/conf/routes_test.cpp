// Routes of listeners: what is read, and what is refused with both places.
#include "conf/routes.h"

#include <string>

#include <boost/test/unit_test.hpp>

#include "conf/config.h"
#include "conf/route_order.h"
#include "tests/conf/sample.h"
#include "tests/support/random.h"

using namespace ringway;
using namespace ringway::conf::tests;
using conf::NamePattern;
using conf::PortRange;
using conf::RouteMatch;

namespace {

// A file whose routes begin on line 5, one a line.
std::string with_routes(const std::vector<std::string>& routes,
                        const std::string& more = "bind: 0.0.0.0:80") {
    std::string text = "version: 1\nlisteners:\n  - name: a\n    " + more + "\n    routes:\n";
    for (const auto& route : routes) text += "      - " + route + "\n";
    return text + "pools: {main: {}, other: {}}\n";
}

std::string error_of(const std::vector<std::string>& routes,
                     const std::string& more = "bind: 0.0.0.0:80") {
    return errors_of(with_routes(routes, more));
}

bool fits(const NamePattern& pattern, const std::string& name) {
    return pattern.covers({name});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(routes)

BOOST_AUTO_TEST_CASE(a_name_is_one_or_all_below_it) {
    const auto one = NamePattern::parse("DB.Example.").value();
    BOOST_TEST(one.to_string() == "db.example");
    BOOST_TEST(fits(one, "db.example"));
    BOOST_TEST(!fits(one, "x.db.example"));
    const auto below = NamePattern::parse("*.example").value();
    BOOST_TEST(below.to_string() == "*.example");
    BOOST_TEST(fits(below, "a.example"));
    BOOST_TEST(fits(below, "a.b.example"));
    BOOST_TEST(!fits(below, "example"));
    BOOST_TEST(!fits(below, "anexample"));
    BOOST_TEST(below.covers(NamePattern::parse("*.a.example").value()));
    BOOST_TEST(!NamePattern::parse("*.a.example")->covers(below));
    BOOST_TEST(NamePattern::parse("*")->covers(below));
    BOOST_TEST(!below.covers(NamePattern::parse("*").value()));
    for (const char* none : {"", "*.", "a.*", "**", "*a.example", "a..b", "10.0.0.1", "a b"}) {
        BOOST_TEST(!NamePattern::parse(none).has_value(), none);
    }
}

BOOST_AUTO_TEST_CASE(ports_are_one_or_a_range) {
    BOOST_TEST(PortRange::parse("80")->to_string() == "80");
    BOOST_TEST(PortRange::parse("80-90")->to_string() == "80-90");
    for (const char* none : {"", "0", "90-80", "80-", "-80", "80-70000", "a", "80 - 90", "080"}) {
        BOOST_TEST(!PortRange::parse(none).has_value(), none);
    }
}

BOOST_AUTO_TEST_CASE(the_short_form_is_one_route_for_all) {
    const auto config = config_of(with_routes({"{pool: main}"}));
    BOOST_TEST(*config.listeners[0].only_pool() == "main");
    const auto two = config_of(with_routes({"{sni: a.example, pool: other}", "{pool: main}"}));
    BOOST_TEST(two.listeners[0].only_pool() == nullptr);
    BOOST_TEST(two.listeners[0].routes[0].match.to_string() == "sni a.example");
    BOOST_TEST(two.listeners[0].routes[1].match.to_string() == "all");
}

BOOST_AUTO_TEST_CASE(a_range_is_one_listener_with_an_address_for_each_port) {
    const auto config = config_of(with_routes({"{pool: main}"}, "bind: 0.0.0.0:80-82"));
    const auto& listener = config.listeners[0];
    BOOST_TEST(listener.bind_text() == "0.0.0.0:80-82");
    BOOST_REQUIRE(listener.addresses().size() == 3u);
    BOOST_TEST(listener.addresses()[2].to_string() == "0.0.0.0:82");
    BOOST_TEST(
        config_of(with_routes({"{pool: main}"}, "bind: 0.0.0.0:80-80")).listeners[0].bind_text() ==
        "0.0.0.0:80");
    BOOST_TEST(error_of({"{pool: main}"}, "bind: 0.0.0.0:1000-3000") ==
               "4:11: listeners[0].bind: expected at most 1024 ports, found 2001\n");
    BOOST_TEST(error_of({"{pool: main}"}, "bind: 0.0.0.0:90-80") ==
               "4:11: listeners[0].bind: expected an IP address and a range of ports, as "
               "192.0.2.1:6000-6099, found \"0.0.0.0:90-80\"\n");
}

BOOST_AUTO_TEST_CASE(ports_of_two_listeners_may_not_meet) {
    const std::string text =
        "version: 1\nlisteners:\n  - {name: a, bind: \"0.0.0.0:80-90\", pool: main}\n"
        "  - {name: b, bind: \"0.0.0.0:85\", pool: main}\npools: {main: {}}\n";
    BOOST_TEST(errors_of(text) ==
               "4:21: listeners[1].bind: the address \"0.0.0.0:85\" given twice, at 3:21 and "
               "4:21\n");
}

BOOST_AUTO_TEST_CASE(a_route_that_others_leave_nothing_is_refused_with_both_places) {
    BOOST_TEST(error_of({"{pool: main}", "{sni: a.example, pool: other}"}) ==
               "7:9: listeners[0].routes[1]: can never match: the route at 6:9 takes all its "
               "connections\n");
    BOOST_TEST(error_of({"{source: 10.0.0.0/8, pool: main}",
                         "{source: 10.1.0.0/16, sni: a.example, pool: other}"}) ==
               "7:9: listeners[0].routes[1]: can never match: the route at 6:9 takes all its "
               "connections\n");
    BOOST_TEST(error_of({"{sni: [a.example, b.example], pool: main}",
                         "{sni: [c.example, b.example], pool: other}"}) ==
               "7:15: listeners[0].routes[1].sni: \"b.example\", at 7:27, can never match: the "
               "route at 6:9 takes its connections\n");
    BOOST_TEST(error_of({R"({sni: "*.example", pool: main})", "{sni: a.example, pool: other}"}) ==
               "7:15: listeners[0].routes[1].sni: \"a.example\", at 7:15, can never match: the "
               "route at 6:9 takes its connections\n");
    // What the first asks for besides leaves something.
    BOOST_TEST(error_of({"{sni: a.example, source: 10.0.0.0/8, pool: main}",
                         "{sni: a.example, pool: other}"}) == "");
    BOOST_TEST(error_of({"{destination_port: 80-85, pool: main}",
                         "{destination_port: 84-90, pool: other}"},
                        "bind: 0.0.0.0:80-90") == "");
}

BOOST_AUTO_TEST_CASE(what_no_connection_fits_is_refused) {
    BOOST_TEST(error_of({"{destination_port: 90, pool: main}"}) ==
               "6:28: listeners[0].routes[0].destination_port: 90 can never match: bind has 80\n");
    BOOST_TEST(error_of({"{source: \"2001:db8::/32\", pool: main}"}) ==
               "6:18: listeners[0].routes[0].source: 2001:db8::/32 can never match: all clients "
               "of the listener have IPv4\n");
    BOOST_TEST(
        error_of({"{source: 10.0.0.0/8, pool: main, key: first_line}"}, "bind: unix:/run/a.sock") ==
        "6:18: listeners[0].routes[0].source: the clients of a unix socket have no "
        "address: can never match\n");
    BOOST_TEST(error_of({"{alpn: h2, pool: main}"}, "{bind: \"0.0.0.0:80\"}") != "");
    BOOST_TEST(error_of({"{sni: a.example, pool: main, key: first_line}"}) ==
               "6:43: listeners[0].routes[0].key: clients that show what the route asks for send "
               "TLS, not text\n");
}

BOOST_AUTO_TEST_CASE(entries_have_one_place) {
    BOOST_TEST(error_of({"{pool: main}"}, "bind: 0.0.0.0:80\n    pool: main") ==
               "5:11: listeners[0].pool: belongs into each of the routes, at 7:7\n");
    BOOST_TEST(error_of({"{pool: nain}"}) ==
               "6:16: listeners[0].routes[0].pool: there is no pool \"nain\", did you mean "
               "\"main\"?\n");
    BOOST_TEST(error_of({"{sni: [], pool: main}"}) ==
               "6:15: listeners[0].routes[0].sni: expected 1 to 100000 values, found 0\n");
    BOOST_TEST(error_of({"{sni: [a.example, A.example], pool: main}"}) ==
               "6:27: listeners[0].routes[0].sni[1]: the name given twice, at 6:16 and 6:27\n");
}

BOOST_AUTO_TEST_CASE(chains_of_fallbacks_end) {
    const auto errors = [](const std::string& pools) {
        return errors_of(
            "version: 1\nlisteners: [{name: a, bind: \"0.0.0.0:80\", pool: a}]\n"
            "pools:\n" +
            pools);
    };
    BOOST_TEST(errors("  a: {fallback: b}\n  b: {fallback: c}\n  c: {}\n") == "");
    BOOST_TEST(errors("  a: {fallback: a}\n") ==
               "4:17: pools.a.fallback: leads back to where it began: a -> a\n");
    BOOST_TEST(errors("  a: {fallback: b}\n  b: {fallback: c}\n  c: {fallback: b}\n") ==
               "4:17: pools.a.fallback: leads back to where it began: b -> c -> b\n");
    BOOST_TEST(errors("  a: {fallback: bee}\n  bees: {}\n") ==
               "4:17: pools.a.fallback: there is no pool \"bee\", did you mean \"bees\"?\n");
}

// Against a model that compares all pairs.
BOOST_AUTO_TEST_CASE(the_order_finds_what_all_pairs_find) {
    test::SeededRandom random;
    const std::vector<std::string> names{"a.example",   "b.example",   "*.example",
                                         "*.a.example", "x.a.example", "*"};
    const std::vector<std::string> networks{"10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24"};
    for (int round = 0; round < 500; ++round) {
        conf::RouteOrder order;
        std::vector<RouteMatch> all;
        for (int i = 0; i < 8; ++i) {
            RouteMatch match;
            for (auto left = random.below(3); left > 0; --left) {
                match.sni.push_back(*NamePattern::parse(names[random.below(names.size())]));
            }
            if (random.one_in(2)) {
                match.source = {*conf::Network::parse(networks[random.below(networks.size())])};
            }
            const auto hides = [&](const RouteMatch& before) {
                const auto holds = [](const conf::Network& outer, const conf::Network& inner) {
                    return outer.prefix <= inner.prefix &&
                           outer.contains({.address = inner.address});
                };
                return before.source.empty() ||
                       (!match.source.empty() && holds(before.source[0], match.source[0]));
            };
            std::optional<std::size_t> expected;
            for (std::size_t j = 0; j < all.size() && !expected; ++j) {
                if (all[j].sni.empty() && hides(all[j])) expected = j;
            }
            BOOST_TEST_REQUIRE((order.before(match) == expected));
            for (const NamePattern& name : match.sni) {
                expected.reset();
                for (std::size_t j = 0; j < all.size() && !expected; ++j) {
                    for (const NamePattern& other : all[j].sni) {
                        if (other.covers(name) && hides(all[j])) expected = j;
                    }
                }
                BOOST_TEST_REQUIRE((order.before(match, name) == expected));
            }
            order.add(match);
            all.push_back(std::move(match));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
