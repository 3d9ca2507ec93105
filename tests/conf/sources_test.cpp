// Names, DNS, etcd and the fleet in the file: what arrives, and what is refused.
#include "conf/sources.h"

#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/conf/refused.h"

using namespace ringway::conf;
using namespace ringway::conf::tests;

namespace {

ServersFrom from_of(const std::string& entries) {
    const std::string line = "servers_from: {" + entries + "}";
    return config_of(sample({.pool = line})).pools[0].servers_from;
}

// The entries begin in column 20.
void check_refused(const std::string& entries, const std::string& error) {
    const std::string line = "servers_from: {" + entries + "}";
    check({pool(line, error)});
}

void check_fleet_refused(const std::string& entries, const std::string& error) {
    const std::string line = "fleet: {" + entries + "}";
    check({top(line, error)});
}

const std::string etcd = "etcd: {endpoints: [\"a.example:2379\"], prefix: /r/}";

}  // namespace

BOOST_AUTO_TEST_SUITE(sources)

BOOST_AUTO_TEST_CASE(names_of_hosts_have_letters_digits_dashes_and_no_other_form) {
    const std::string label(63, 'a');
    const std::string longest = label + '.' + label + '.' + label + '.' + label.substr(2);
    for (const std::string& good :
         {std::string("a"), std::string("db-0.example"), std::string("_redis._tcp.example"),
          std::string("9a.1b"), label, longest}) {
        BOOST_TEST(parse_host_name(good).value_or("") == good);
        BOOST_TEST(parse_host_name(good + '.').value_or("") == good);
    }
    BOOST_TEST(parse_host_name("DB-0.Example").value_or("") == "db-0.example");
    for (const std::string& bad :
         {std::string(), std::string("."), std::string("a..b"), std::string(".a"),
          std::string("a.."), std::string("10.0.0.256"), std::string("1"), std::string("a b"),
          std::string("a/b"), std::string("a:b"), std::string("\xc3\xa4.example"),
          std::string("a\0b", 3), label + 'a', longest + 'a'}) {
        BOOST_TEST(!parse_host_name(bad), bad);
    }
}

BOOST_AUTO_TEST_CASE(a_name_and_a_port_are_spelled_as_they_are_read) {
    BOOST_TEST(HostPort::parse("Redis-0.example.:6379").value().to_string() ==
               "redis-0.example:6379");
    for (const auto* bad : {"redis", "redis:", "redis:0", "redis:65536", "redis:06", ":80",
                            "10.0.0.1:80", "[2001:db8::1]:80", "unix:/x"}) {
        BOOST_TEST(!HostPort::parse(bad), bad);
    }
}

BOOST_AUTO_TEST_CASE(a_server_may_have_a_name_and_a_check_on_another_port_of_it) {
    const Config config = config_of(
        "version: 1\nlisteners: [{name: a, bind: \"0.0.0.0:80\", pool: p}]\npools:\n"
        "  p: {health: {}, servers: [{id: a, address: \"Db-0.example:80\", health: {port: "
        "81}}]}\n");
    const Server& server = config.pools[0].servers[0];
    BOOST_TEST(server.address.host == "db-0.example");
    BOOST_TEST(server.address.endpoint.to_string() == "0.0.0.0:80");
    BOOST_TEST(server.check_address.value().to_string() == "0.0.0.0:81");
    BOOST_TEST(server.address.to_string() == "db-0.example:80");
}

BOOST_AUTO_TEST_CASE(sources_of_servers_arrive) {
    const ServersFrom dns = from_of("dns: Web.example, port: 80, max_connections: 5");
    BOOST_TEST(dns.dns.value().name.to_string() == "web.example:80");
    BOOST_TEST(dns.max_connections == 5U);
    const ServersFrom srv = from_of("srv: _r._tcp.example, id: target_port, weight_unit: 10");
    BOOST_TEST(srv.srv.value().name == "_r._tcp.example");
    BOOST_CHECK(srv.srv.value().id == SrvServers::Id::target_port);
    BOOST_TEST(srv.srv.value().weight_unit == 10U);
    const ServersFrom both = from_of("srv: r.example, " + etcd);
    BOOST_TEST(both.etcd.value().prefix == "/r/");
    BOOST_TEST(both.etcd.value().etcd.endpoints.at(0) == "a.example:2379");
    const ServersFrom open = from_of("etcd: {endpoints: [\"[::1]:2379\"], prefix: /r}");
    BOOST_TEST(open.etcd.value().prefix == "/r/");
    BOOST_TEST(open.etcd.value().etcd.endpoints.at(0) == "[::1]:2379");
}

BOOST_AUTO_TEST_CASE(sources_that_contradict_or_lack_something_are_refused) {
    check_refused("", "10:19: pools.main.servers_from: expected dns, srv or etcd");
    check_refused("dns: a.example", "10:25: pools.main.servers_from.dns: needs port");
    check_refused("port: 80, srv: a.example",
                  "10:26: pools.main.servers_from.port: has a meaning only with dns");
    check_refused("dns: a.example, port: 80, srv: b.example",
                  "10:25: pools.main.servers_from.dns: contradicts srv, at 10:51");
    check_refused("dns: a.example, port: 80, id: target",
                  "10:50: pools.main.servers_from.id: has a meaning only with srv");
    check_refused("srv: 10.0.0.1",
                  "10:25: pools.main.servers_from.srv: expected the name of a host, as "
                  "redis.example, found \"10.0.0.1\"");
    check_refused("srv: a.example, health: {port: 81}",
                  "10:44: pools.main.servers_from.health: has a meaning only where the pool has "
                  "health");
}

BOOST_AUTO_TEST_CASE(etcd_needs_members_and_a_prefix) {
    check_refused("etcd: {prefix: /r}",
                  "10:26: pools.main.servers_from.etcd: the entry \"endpoints\" is missing");
    check_refused("etcd: {endpoints: [], prefix: /r}",
                  "10:38: pools.main.servers_from.etcd.endpoints: expected at least one endpoint");
    check_refused("etcd: {endpoints: [\"http://a:1\"], prefix: /r}",
                  "10:39: pools.main.servers_from.etcd.endpoints[0]: expected a host and a port, "
                  "as etcd-1.example:2379, 192.0.2.1:2379 or \"[2001:db8::1]:2379\", found "
                  "\"http://a:1\"");
    check_refused(
        "etcd: {endpoints: [\"a:1\", \"A.:1\"], prefix: /r}",
        "10:46: pools.main.servers_from.etcd.endpoints[1]: the endpoint given twice, at 10:39 and "
        "10:46");
    check_refused("etcd: {endpoints: [\"a:1\"], prefix: /}",
                  "10:55: pools.main.servers_from.etcd.prefix: expected a prefix of its own, as "
                  "/ringway/redis/");
    check_refused("etcd: {endpoints: [\"a:1\"]}",
                  "10:26: pools.main.servers_from.etcd: the entry \"prefix\" is missing");
    check_refused("etcd: {endpoints: [\"a:1\"], prefix: /r, user: {name: u}}",
                  "10:65: pools.main.servers_from.etcd.user: the entry \"password\" is missing");
    check_refused("etcd: {endpoints: [\"a:1\"], prefix: /r, tls: {verify: none, ca: /c}}",
                  "10:83: pools.main.servers_from.etcd.tls.ca: has a meaning only with verify: "
                  "required");
}

BOOST_AUTO_TEST_CASE(dns_and_fleets_are_as_their_defaults_say) {
    const Config plain = config_of(sample());
    BOOST_CHECK(plain.dns == DnsSettings{});
    BOOST_TEST(!plain.fleet.has_value());
    const Config config =
        config_of(sample({.top = "fleet: {name: one, etcd: {endpoints: [\"a:1\"]}}"}));
    BOOST_TEST(config.fleet.value().prefix == "/ringway/fleet/");
    BOOST_CHECK(config.fleet.value().health == FleetSettings::Health::majority);
    check_fleet_refused("name: a", "2:8: fleet: the entry \"etcd\" is missing");
    check_fleet_refused("name: a b, etcd: {endpoints: [\"a:1\"]}",
                        "2:15: fleet.name: expected 1 to 64 of the characters A-Z a-z 0-9 _ . -, "
                        "found \"a b\"");
    check(
        {top("dns: {min_ttl: 10s, max_ttl: 9s}", "2:30: dns.max_ttl: max_ttl is less than min_ttl"),
         top("dns: {nameservers: [dns.example]}",
             "2:21: dns.nameservers[0]: expected an IP address and a port, as 192.0.2.1:53 or, in "
             "quotes, \"[2001:db8::1]:53\", found \"dns.example\"")});
}

BOOST_AUTO_TEST_SUITE_END()
