// Layers of servers, held against the rule as one would say it of a single property.
#include "proxy/control/desired_servers.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/pools_rig.h"
#include "tests/support/random.h"

using namespace ringway;
using proxy::AdminState;
using proxy::Layer;
using proxy::ServerLayer;
using proxy::ServerSource;

namespace {

constexpr std::array all_sources{ServerSource::file, ServerSource::dns, ServerSource::etcd,
                                 ServerSource::fleet, ServerSource::runtime};

// By what stands above the last layer that removes the server, and from the first one there
// that adds it. A host's address is DNS's, or none.
std::optional<std::string> expected(const std::vector<ServerLayer>& layers,
                                    const proxy::HostAddresses& hosts) {
    std::size_t first = 0;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        if (layers[i].present == false) first = i + 1;
    }
    while (first < layers.size() && !layers[first].present) ++first;
    if (first == layers.size()) return std::nullopt;
    std::uint32_t weight = 1;
    std::uint32_t limit = 0;
    auto admin_state = AdminState::automatic;
    const conf::ServerAddress* address = nullptr;
    std::string source, of_address, of_weight = "file", of_limit = "file";
    for (const ServerLayer& layer : layers) {
        admin_state = layer.admin_state.value_or(admin_state);
    }
    for (std::size_t i = first; i < layers.size(); ++i) {
        const char* const here = proxy::to_string(layers[i].source);
        if (layers[i].weight) of_weight = here;
        if (layers[i].max_connections) of_limit = here;
        if (layers[i].address) of_address = here;
        weight = layers[i].weight.value_or(weight);
        limit = layers[i].max_connections.value_or(limit);
        if (layers[i].address) address = layers[i].address;
        if (layers[i].present) source = here;
    }
    std::string where = address->endpoint.to_string();
    if (const auto found = hosts.find(address->host); found != hosts.end()) {
        where = found->second.to_string();
        where = where.substr(0, where.rfind(':') + 1) + std::to_string(address->endpoint.port);
    }
    const bool lacks = !address->host.empty() && !hosts.contains(address->host);
    return (lacks ? "nowhere" : where) + " x" + std::to_string(weight) + " <" +
           std::to_string(limit) + " " + health::to_string(admin_state) + " " + source + " " +
           of_address + " " + of_weight + " " + of_limit;
}

std::string shown(const proxy::DesiredServer& server) {
    return (server.awaits_address() ? "nowhere" : server.address.to_string()) + " x" +
           std::to_string(server.weight) + " <" + std::to_string(server.max_connections) + " " +
           health::to_string(server.admin_state) + " " + proxy::to_string(server.source) + " " +
           proxy::to_string(server.deciding.address) + " " +
           proxy::to_string(server.deciding.weight) + " " +
           proxy::to_string(server.deciding.max_connections);
}

ServerLayer any_layer(test::SeededRandom& random, ServerSource source,
                      const std::vector<conf::ServerAddress>& addresses) {
    const auto any = [&random] { return static_cast<std::uint32_t>(random.below(9)); };
    ServerLayer says{.source = source};
    if (random.below(2) == 0) says.present = random.below(3) > 0;
    if (says.present == true || random.below(2) == 0) {
        says.address = &addresses[random.below(addresses.size())];
    }
    if (random.below(2) == 0) says.weight = any();
    if (random.below(2) == 0) says.max_connections = any();
    if (random.below(3) == 0) says.admin_state = AdminState::drain;
    return says;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(desired_servers)

BOOST_AUTO_TEST_CASE(random_layers_are_merged_as_the_rule_says) {
    test::SeededRandom random;
    const std::vector<std::string> ids{"a", "b", "c", "d", "e"};
    std::vector<conf::ServerAddress> addresses;
    for (int i = 1; i < 9; ++i) {
        addresses.emplace_back(test::endpoint("192.0.2." + std::to_string(i) + ":80"));
        addresses.push_back(*conf::ServerAddress::parse("h" + std::to_string(i % 3) +
                                                        ".test:" + std::to_string(i)));
    }
    const proxy::HostAddresses hosts{{"h0.test", test::endpoint("198.51.100.1:9")},
                                     {"h1.test", test::endpoint("[2001:db8::1]:9")}};
    for (int round = 0; round < 1'000; ++round) {
        std::vector<Layer> layers;
        std::map<std::string, std::vector<ServerLayer>> of_server;
        for (const ServerSource source : all_sources) {
            Layer& layer = layers.emplace_back();
            for (const std::string& id : ids) {
                if (random.below(3) == 0) continue;  // it says nothing of it
                layer.emplace_back(id, any_layer(random, source, addresses));
                of_server[id].push_back(layer.back().second);
            }
        }
        const auto merged = proxy::merge(layers, hosts);
        for (const std::string& id : ids) {
            const auto should = expected(of_server[id], hosts);
            const auto found = merged.find(id);
            BOOST_TEST((found != merged.end()) == should.has_value());
            if (should && found != merged.end()) BOOST_TEST(shown(found->second) == *should);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_check_of_another_port_moves_along_and_one_of_another_machine_stays) {
    const conf::ServerAddress here = test::endpoint("192.0.2.1:80");
    const conf::ServerAddress there = test::endpoint("192.0.2.2:80");
    const auto other_port = test::endpoint("192.0.2.1:8080");
    const auto other_machine = test::endpoint("192.0.2.9:8080");
    const auto checked_after_a_move = [&](const conf::Endpoint& check) {
        const std::vector<ServerLayer> layers{
            {.present = true, .address = &here, .check_address = &check},
            {.source = ServerSource::runtime, .address = &there}};
        return proxy::merge(layers)->check_address->to_string();
    };
    BOOST_TEST(checked_after_a_move(other_port) == "192.0.2.2:8080");
    BOOST_TEST(checked_after_a_move(other_machine) == "192.0.2.9:8080");
}

BOOST_AUTO_TEST_CASE(a_check_of_a_socket_stays_where_its_server_has_moved) {
    const conf::ServerAddress here = test::endpoint("unix:/run/a.sock");
    const conf::ServerAddress there = test::endpoint("192.0.2.2:80");
    const std::vector<ServerLayer> layers{
        {.present = true, .address = &here, .check_address = &here.endpoint},
        {.source = ServerSource::runtime, .address = &there}};
    const auto moved = proxy::merge(layers);
    BOOST_TEST(moved->address.to_string() == "192.0.2.2:80");
    BOOST_REQUIRE(moved->check_address.has_value());
    BOOST_TEST(moved->check_address->to_string() == "unix:/run/a.sock");
}

BOOST_AUTO_TEST_CASE(an_administrative_state_needs_a_server_below_it) {
    const conf::ServerAddress address = test::endpoint("192.0.2.1:80");
    const ServerLayer drained{.source = ServerSource::runtime, .admin_state = AdminState::drain};
    BOOST_TEST(!proxy::merge(std::vector<ServerLayer>{drained}));
    const std::vector<ServerLayer> both{{.present = true, .address = &address}, drained};
    const auto server = proxy::merge(both);
    BOOST_TEST((server->admin_state == AdminState::drain));
    BOOST_TEST((server->source == ServerSource::file));
}

BOOST_AUTO_TEST_CASE(a_check_of_another_port_of_a_host_goes_where_the_host_is) {
    const conf::ServerAddress host = *conf::ServerAddress::parse("a.test:80");
    conf::Endpoint check = host.endpoint;
    check.port = 81;
    const std::vector<ServerLayer> layers{
        {.present = true, .address = &host, .check_address = &check}};
    const proxy::HostAddresses hosts{{"a.test", test::endpoint("192.0.2.7:1")}};
    BOOST_TEST(proxy::merge(layers, hosts)->address.to_string() == "192.0.2.7:80");
    BOOST_TEST(proxy::merge(layers, hosts)->check_address->to_string() == "192.0.2.7:81");
    BOOST_TEST(proxy::merge(layers)->awaits_address());
}

BOOST_AUTO_TEST_SUITE_END()
