// Layers of servers, held against the rule as one would say it of a single property.
#include "proxy/control/desired_servers.h"

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

// By what stands above the last layer that removes the server, and from the first one there
// that adds it.
std::optional<std::string> expected(const std::vector<ServerLayer>& layers) {
    std::size_t first = 0;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        if (layers[i].present == false) first = i + 1;
    }
    while (first < layers.size() && !layers[first].present) ++first;
    if (first == layers.size()) return std::nullopt;
    std::uint32_t weight = 1;
    std::uint32_t limit = 0;
    std::string address;
    const char* source = "";
    for (std::size_t i = first; i < layers.size(); ++i) {
        weight = layers[i].weight.value_or(weight);
        limit = layers[i].max_connections.value_or(limit);
        if (layers[i].address) address = layers[i].address->to_string();
        if (layers[i].present) source = layers[i].source == ServerSource::file ? "file" : "runtime";
    }
    return address + " x" + std::to_string(weight) + " <" + std::to_string(limit) + " " + source;
}

std::string shown(const proxy::DesiredServer& server) {
    return server.address.to_string() + " x" + std::to_string(server.weight) + " <" +
           std::to_string(server.max_connections) + " " +
           (server.source == ServerSource::file ? "file" : "runtime");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(desired_servers)

BOOST_AUTO_TEST_CASE(random_layers_are_merged_as_the_rule_says) {
    test::SeededRandom random;
    const std::vector<std::string> ids{"a", "b", "c", "d", "e"};
    std::vector<conf::Endpoint> addresses;
    for (int i = 0; i < 9; ++i) {
        addresses.push_back(test::endpoint("192.0.2." + std::to_string(i) + ":80"));
    }
    for (int round = 0; round < 500; ++round) {
        std::vector<Layer> layers(1 + random.below(4));
        std::map<std::string, std::vector<ServerLayer>> of_server;
        for (Layer& layer : layers) {
            const auto source = random.below(2) == 0 ? ServerSource::file : ServerSource::runtime;
            for (const std::string& id : ids) {
                if (random.below(3) == 0) continue;  // it says nothing of it
                ServerLayer says{.source = source};
                if (random.below(2) == 0) says.present = random.below(3) > 0;
                if (says.present == true || random.below(2) == 0) {
                    says.address = &addresses[random.below(addresses.size())];
                }
                if (random.below(2) == 0) says.weight = static_cast<std::uint32_t>(random.below(9));
                if (random.below(2) == 0) {
                    says.max_connections = static_cast<std::uint32_t>(random.below(9));
                }
                layer.emplace_back(id, says);
                of_server[id].push_back(says);
            }
        }
        const auto merged = proxy::merge(layers);
        for (const std::string& id : ids) {
            const auto should = expected(of_server[id]);
            const auto found = merged.find(id);
            BOOST_TEST((found != merged.end()) == should.has_value());
            if (should && found != merged.end()) BOOST_TEST(shown(found->second) == *should);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_check_of_another_port_moves_along_and_one_of_another_machine_stays) {
    const auto here = test::endpoint("192.0.2.1:80");
    const auto there = test::endpoint("192.0.2.2:80");
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
    const auto here = test::endpoint("unix:/run/a.sock");
    const auto there = test::endpoint("192.0.2.2:80");
    const std::vector<ServerLayer> layers{
        {.present = true, .address = &here, .check_address = &here},
        {.source = ServerSource::runtime, .address = &there}};
    const auto moved = proxy::merge(layers);
    BOOST_TEST(moved->address.to_string() == "192.0.2.2:80");
    BOOST_REQUIRE(moved->check_address.has_value());
    BOOST_TEST(moved->check_address->to_string() == "unix:/run/a.sock");
}

BOOST_AUTO_TEST_CASE(an_administrative_state_needs_a_server_below_it) {
    const auto address = test::endpoint("192.0.2.1:80");
    const ServerLayer drained{.source = ServerSource::runtime, .admin_state = AdminState::drain};
    BOOST_TEST(!proxy::merge(std::vector<ServerLayer>{drained}));
    const std::vector<ServerLayer> both{{.present = true, .address = &address}, drained};
    const auto server = proxy::merge(both);
    BOOST_TEST((server->admin_state == AdminState::drain));
    BOOST_TEST((server->source == ServerSource::file));
}

BOOST_AUTO_TEST_SUITE_END()
