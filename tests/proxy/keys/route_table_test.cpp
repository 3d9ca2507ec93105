// Which route a connection takes: against a model that asks one route after the other.
#include "proxy/keys/route_table.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/random.h"
#include "tests/support/sockets.h"

using namespace ringway;
using conf::ListenerRoute;
using conf::NamePattern;
using proxy::HelloFacts;
using proxy::RouteTable;
using Verdict = RouteTable::Verdict;

namespace {

struct Client {
    conf::Endpoint source;
    std::optional<conf::Endpoint> destination;
    HelloFacts hello;
};

HelloFacts hello(std::string name, const std::vector<std::string>& protocols = {}) {
    HelloFacts facts{.server_name = std::move(name)};
    for (const auto& each : protocols) facts.protocols += HelloFacts::of_agreed("", each).protocols;
    return facts;
}

// All of it from the words of the file: "*.a.example" is below a.example.
bool fits(const NamePattern& pattern, const std::string& name) {
    if (!pattern.is_suffix) return pattern.name == name;
    return !name.empty() && ('.' + name).ends_with('.' + pattern.name) && name != pattern.name;
}

bool fits(const conf::RouteMatch& match, const Client& client) {
    const auto any = [](const auto& list, auto fits_one) {
        return list.empty() || std::any_of(list.begin(), list.end(), fits_one);
    };
    return any(match.sni,
               [&](const NamePattern& each) {
                   return each.name.empty() ? !client.hello.server_name.empty()
                                            : fits(each, client.hello.server_name);
               }) &&
           any(match.alpn, [&](const std::string& each) { return client.hello.offers(each); }) &&
           any(match.source,
               [&](const conf::Network& each) { return each.contains(client.source); }) &&
           any(match.destination_port, [&](const conf::PortRange& each) {
               return client.destination && each.contains(client.destination->port);
           });
}

std::optional<std::size_t> model(const std::vector<ListenerRoute>& routes, const Client& client) {
    for (std::size_t i = 0; i < routes.size(); ++i) {
        if (fits(routes[i].match, client)) return i;
    }
    return std::nullopt;
}

const std::vector<std::string> names{
    "",        "a.example", "b.example", "x.a.example", "y.a.example", "z.x.a.example",
    "example", "aa.example"};

class Draw {
public:
    explicit Draw(test::SeededRandom& random) : random_(random) {}

    std::size_t below(std::size_t bound) { return random_.below(bound); }
    bool one_in(std::size_t many) { return random_.one_in(many); }
    template <class T>
    const T& any(const std::vector<T>& all) {
        return all[below(all.size())];
    }

    conf::RouteMatch match() {
        conf::RouteMatch match;
        for (auto left = one_in(2) ? below(3) : 0; left > 0; --left) {
            const std::string& name = any(names);
            match.sni.push_back(name.empty() ? NamePattern{.is_suffix = true}
                                             : NamePattern{name, one_in(2)});
        }
        if (one_in(4)) match.alpn.push_back(any(protocols_));
        if (one_in(4)) match.source.push_back(*conf::Network::parse(any(networks_)));
        if (one_in(4)) {
            const auto first = static_cast<std::uint16_t>(1 + below(4));
            match.destination_port.push_back({first, static_cast<std::uint16_t>(first + below(3))});
        }
        return match;
    }

    Client client() {
        Client client{.source = test::endpoint(any(addresses_)), .destination = {}, .hello = {}};
        if (!one_in(6)) {
            client.destination = test::endpoint("192.0.2.1:80");
            client.destination->port = static_cast<std::uint16_t>(1 + below(6));
        }
        client.hello = hello(any(names));
        for (auto left = below(3); left > 0; --left) {
            client.hello.protocols += HelloFacts::of_agreed("", any(protocols_)).protocols;
        }
        return client;
    }

private:
    test::SeededRandom& random_;
    const std::vector<std::string> protocols_{"h2", "mqtt", "http/1.1"};
    const std::vector<std::string> networks_{"10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"};
    const std::vector<std::string> addresses_{"10.1.2.3:1", "10.2.3.4:1", "192.0.2.9:1",
                                              "[2001:db8::1]:1", "[2001:db9::1]:1"};
};

std::vector<ListenerRoute> for_names(const std::vector<std::string>& spellings) {
    std::vector<ListenerRoute> routes;
    for (const auto& each : spellings) {
        ListenerRoute& route = routes.emplace_back();
        if (!each.empty()) route.match.sni = {*NamePattern::parse(each)};
    }
    return routes;
}

// The number of the route that a client of this name takes.
std::optional<std::size_t> route_of(const std::vector<ListenerRoute>& routes,
                                    const std::string& name) {
    const RouteTable table(routes);
    const HelloFacts shown = hello(name);
    const auto choice =
        table.choose({.source = test::endpoint("192.0.2.1:1"), .destination = {}, .hello = &shown});
    if (choice.verdict == Verdict::none) return std::nullopt;
    BOOST_REQUIRE(choice.verdict == Verdict::found);
    return choice.route;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(route_table)

BOOST_AUTO_TEST_CASE(the_first_that_fits_is_taken) {
    const auto routes = for_names({"db.example", "*.shard.example", "*.a.shard.example", "*", ""});
    BOOST_TEST(route_of(routes, "db.example").value() == 0u);
    BOOST_TEST(route_of(routes, "x.shard.example").value() == 1u);
    BOOST_TEST(route_of(routes, "x.a.shard.example").value() == 1u);
    BOOST_TEST(route_of(routes, "shard.example").value() == 3u);
    BOOST_TEST(route_of(routes, "xshard.example").value() == 3u);
    BOOST_TEST(route_of(routes, "x.db.example").value() == 3u);
    BOOST_TEST(route_of(routes, "").value() == 4u);
    BOOST_TEST(!route_of(for_names({"db.example"}), "").has_value());
    BOOST_TEST(!route_of(for_names({"*"}), "").has_value());
}

BOOST_AUTO_TEST_CASE(every_client_takes_what_a_model_says_and_misfits_are_told) {
    test::SeededRandom random;
    Draw draw(random);
    for (int round = 0; round < 2'000; ++round) {
        std::vector<ListenerRoute> routes(1 + draw.below(8));
        for (auto& route : routes) route.match = draw.match();
        const RouteTable table(routes);
        for (int i = 0; i < 20; ++i) {
            const Client client = draw.client();
            const proxy::RouteFacts facts{
                .source = client.source, .destination = client.destination, .hello = &client.hello};
            const auto choice = table.choose(facts);
            const auto expected = model(routes, client);
            BOOST_TEST_REQUIRE((choice.verdict == Verdict::found) == expected.has_value());
            if (expected) BOOST_TEST_REQUIRE(choice.route == *expected);
            for (std::size_t route = 0; route < routes.size(); ++route) {
                BOOST_TEST_REQUIRE(table.misfit(route, facts).empty() ==
                                   fits(routes[route].match, client));
            }
            // Before the ClientHello is known, a verdict is one that it cannot change.
            const auto early = table.choose(
                {.source = client.source, .destination = client.destination, .hello = nullptr});
            if (early.verdict == Verdict::needs_hello) continue;
            BOOST_TEST_REQUIRE((early.verdict == Verdict::found) == expected.has_value());
            if (expected) BOOST_TEST_REQUIRE(early.route == *expected);
        }
    }
}

BOOST_AUTO_TEST_CASE(nothing_is_awaited_that_cannot_matter) {
    std::vector<ListenerRoute> routes(3);
    routes[0].match.source = {*conf::Network::parse("10.0.0.0/8")};
    routes[1].match.sni = {*NamePattern::parse("db.example")};
    routes[1].match.source = {*conf::Network::parse("192.0.2.0/24")};
    const RouteTable table(routes);
    const auto verdict = [&](const char* source) {
        return table.choose({.source = test::endpoint(source), .destination = {}});
    };
    BOOST_TEST((verdict("10.0.0.1:1").verdict == Verdict::found));
    BOOST_TEST((verdict("192.0.2.1:1").verdict == Verdict::needs_hello));
    BOOST_TEST(verdict("203.0.113.1:1").route == 2u);
}

BOOST_AUTO_TEST_CASE(a_table_knows_what_its_routes_need) {
    std::vector<ListenerRoute> routes(2);
    routes[0].match.sni = {*NamePattern::parse("a.example")};
    routes[0].key.max_bytes = 64;
    routes[1].key.max_bytes = 4096;
    BOOST_TEST(RouteTable(routes).max_bytes() == 4096u);
    BOOST_TEST(!RouteTable(routes).needs_destination());
    BOOST_TEST(!RouteTable(routes).has_one_way());
    BOOST_TEST(RouteTable({routes[1], routes[0]}).has_one_way());
    routes[1].match.destination_port = {{80, 90}};
    BOOST_TEST(RouteTable(routes).needs_destination());
}

BOOST_AUTO_TEST_SUITE_END()
