// Which route a client takes by what it brings, and the key that its route asks for.
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "proxy/data/preread.h"
#include "tests/proxy/keys/tls_bytes.h"
#include "tests/support/sockets.h"

using namespace ringway;
using conf::KeyPart;
using conf::KeySettings;
using proxy::CloseReason;
using proxy::Preread;
using From = KeyPart::From;
using OnMissing = KeySettings::OnMissing;

namespace {

struct Door {
    explicit Door(std::vector<conf::ListenerRoute> all, std::string_view peer = "192.0.2.7:1",
                  bool behind_tls = false)
        : routes(all), preread(routes, nullptr, {.source = test::endpoint(peer)}, behind_tls) {}

    const proxy::RouteTable routes;
    Preread preread;
};

std::vector<conf::ListenerRoute> by_name() {
    std::vector<conf::ListenerRoute> routes(3);
    routes[0].match.source = {*conf::Network::parse("10.0.0.0/8")};
    routes[1].match.sni = {*conf::NamePattern::parse("db.example")};
    routes[1].key.parts = {{.from = From::sni}};
    routes[2].key = {.parts = {{.from = From::first_line}}, .max_bytes = 1024};
    return routes;
}

std::string hello_for(const std::string& name) {
    return test::record(test::hello(test::server_name(name)));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(preread_routes)

BOOST_AUTO_TEST_CASE(a_route_is_chosen_by_the_hello_and_its_key_is_read_from_the_same_bytes) {
    const std::string bytes = hello_for("DB.example");
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
        Door door(by_name());
        std::string head = bytes.substr(0, cut);
        door.preread.read(head);
        BOOST_TEST_REQUIRE(door.preread.wants_bytes());
        head = bytes;
        door.preread.read(head);
        BOOST_TEST_REQUIRE(door.preread.route().value() == 1u);
        BOOST_TEST_REQUIRE(door.preread.key() == "db.example");
        BOOST_TEST_REQUIRE(head == bytes);
        BOOST_TEST_REQUIRE(door.preread.authority() == "db.example");
    }
}

BOOST_AUTO_TEST_CASE(text_takes_a_route_that_asks_for_no_name) {
    Door door(by_name());
    std::string head = "user-1";
    door.preread.read(head);
    BOOST_TEST(door.preread.route().value() == 2u);
    BOOST_TEST(door.preread.wants_bytes());
    head += "\n";
    door.preread.read(head);
    BOOST_TEST(door.preread.key() == "user-1");
}

BOOST_AUTO_TEST_CASE(a_route_by_address_needs_no_byte) {
    const Door door(by_name(), "10.1.2.3:1");
    BOOST_TEST(!door.preread.wants_bytes());
    BOOST_TEST(door.preread.route().value() == 0u);
    BOOST_TEST(door.preread.key() == "10.1.2.3");
}

BOOST_AUTO_TEST_CASE(who_fits_no_route_is_refused) {
    auto routes = by_name();
    routes.pop_back();
    Door text(routes);
    std::string head = "GET / HTTP/1.1\r\n";
    text.preread.read(head);
    BOOST_TEST((text.preread.refusal() == CloseReason::no_route));
    Door other(routes);
    head = hello_for("web.example");
    other.preread.read(head);
    BOOST_TEST((other.preread.refusal() == CloseReason::no_route));
    // It ends before it has shown a name.
    Door left(routes);
    head = hello_for("db.example").substr(0, 20);
    left.preread.read(head);
    left.preread.end(head);
    BOOST_TEST((left.preread.refusal() == CloseReason::no_route));
}

BOOST_AUTO_TEST_CASE(an_end_takes_the_route_of_those_that_show_nothing) {
    auto routes = by_name();
    routes[2].key = {};
    Door door(routes);
    std::string head = hello_for("db.example").substr(0, 20);
    door.preread.read(head);
    BOOST_TEST(door.preread.wants_bytes());
    door.preread.end(head);
    BOOST_TEST(door.preread.route().value() == 2u);
    BOOST_TEST(door.preread.key() == "192.0.2.7");
}

BOOST_AUTO_TEST_CASE(behind_tls_a_route_is_chosen_by_what_was_agreed) {
    Door door(by_name(), "192.0.2.7:1", true);
    BOOST_TEST(door.preread.wants_tls());
    BOOST_TEST(!door.preread.route().has_value());
    door.preread.end_tls({.server_name = "db.example"});
    BOOST_TEST(door.preread.route().value() == 1u);
    BOOST_TEST(door.preread.key() == "db.example");
}

BOOST_AUTO_TEST_CASE(the_limit_before_a_route_is_the_greatest_and_then_the_routes_own) {
    auto routes = by_name();
    routes[1].key.max_bytes = 64;
    routes[2].key.max_bytes = 4096;
    Door door(routes);
    BOOST_TEST(door.preread.limit_bytes() == std::size_t{16 << 10});  // of the first
    std::string head = "user";
    door.preread.read(head);
    BOOST_TEST(door.preread.limit_bytes() == 4096u);
    head = std::string(4096, 'x');
    door.preread.read(head);
    BOOST_TEST((door.preread.refusal() == CloseReason::key_too_large));
}

BOOST_AUTO_TEST_CASE(patience_is_that_of_the_route) {
    auto routes = by_name();
    routes[2].key.on_missing = OnMissing::source_ip;
    routes[2].key.silent_after = std::chrono::milliseconds(50);
    Door door(routes);
    BOOST_TEST((door.preread.patience() == conf::Duration{0}));
    std::string head = "user";
    door.preread.read(head);
    BOOST_TEST((door.preread.patience() == conf::Duration{50}));
    door.preread.end_patience();
    BOOST_TEST(door.preread.key() == "192.0.2.7");
    BOOST_TEST((door.preread.missing() == CloseReason::key_silent));
}

BOOST_AUTO_TEST_SUITE_END()
