#include "tests/simulation/config_edits.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>

#include "tests/simulation/config_text.h"

namespace ringway::simulation {
namespace {

using boost::json::array;
using boost::json::object;

constexpr std::size_t servers_most = 7;
constexpr std::size_t pools_most = 5;
constexpr std::size_t listeners_most = 3;

const SchemaNode& pool_node() {
    static const SchemaNode& node = *configuration_schema().at("pools").named;
    return node;
}

object& some_pool(object& root, ConfigDraw& draw) {
    auto& pools = root.at("pools").as_object();
    return (pools.begin() + draw.random().below(pools.size()))->value().as_object();
}

object& some_listener(object& root, ConfigDraw& draw) {
    return draw.random().pick(root.at("listeners").as_array()).as_object();
}

// The servers of a pool that has some; null where chance finds none.
array* some_servers(object& root, ConfigDraw& draw) {
    for (int left = 4; left > 0; --left) {
        auto* servers = some_pool(root, draw).if_contains("servers");
        if (servers != nullptr && !servers->as_array().empty()) return &servers->get_array();
    }
    return nullptr;
}

void add_server(object& root, ConfigDraw& draw) {
    const auto& node = pool_node().at("servers");
    auto& pool = some_pool(root, draw);
    auto& servers = pool.emplace("servers", array{}).first->value().as_array();
    if (servers.size() >= servers_most) return;
    const auto at = draw.random().below(servers.size() + 1);
    servers.insert(servers.begin() + at, draw.value(*node.items));
}

void remove_server(object& root, ConfigDraw& draw) {
    auto* servers = some_servers(root, draw);
    if (servers != nullptr) servers->erase(servers->begin() + draw.random().below(servers->size()));
}

void change_server(object& root, ConfigDraw& draw) {
    static constexpr std::array names{"id", "address", "weight", "weight"};
    auto* servers = some_servers(root, draw);
    if (servers == nullptr) return;
    auto& server = draw.random().pick(*servers).as_object();
    draw.set(server, pool_node().at("servers"), draw.random().pick(names));
}

// Two servers change places, or their addresses, so that keys must follow the ids.
void swap_servers(object& root, ConfigDraw& draw) {
    auto* servers = some_servers(root, draw);
    if (servers == nullptr) return;
    auto& one = draw.random().pick(*servers).as_object();
    auto& other = draw.random().pick(*servers).as_object();
    if (&one == &other) return;
    if (draw.random().one_in(2)) {
        std::swap(one, other);
    } else {
        std::swap(one.at("address"), other.at("address"));
    }
}

// A server with its entries goes to another pool, or is in both.
void move_server(object& root, ConfigDraw& draw) {
    auto* servers = some_servers(root, draw);
    if (servers == nullptr) return;
    const auto at = draw.random().below(servers->size());
    const auto server = servers->at(at);
    if (draw.random().one_in(2)) servers->erase(servers->begin() + at);
    auto& pool = some_pool(root, draw);
    auto& others = pool.emplace("servers", array{}).first->value().as_array();
    if (others.size() < servers_most) others.push_back(server);
}

void add_pool(object& root, ConfigDraw& draw) {
    auto& pools = root.at("pools").as_object();
    if (pools.size() >= pools_most) return;
    const auto name = draw.text(configuration_schema().at("pools"));
    if (!pools.contains(name)) pools.emplace(name, draw.value(pool_node()));
}

void remove_pool(object& root, ConfigDraw& draw) {
    auto& pools = root.at("pools").as_object();
    if (pools.size() > 1) pools.erase(pools.begin() + draw.random().below(pools.size()));
}

void add_listener(object& root, ConfigDraw& draw) {
    auto& listeners = root.at("listeners").as_array();
    if (listeners.size() >= listeners_most) return;
    listeners.push_back(draw.value(*configuration_schema().at("listeners").items));
}

void remove_listener(object& root, ConfigDraw& draw) {
    auto& listeners = root.at("listeners").as_array();
    if (listeners.size() < 2) return;
    listeners.erase(listeners.begin() + draw.random().below(listeners.size()));
}

void change_listener(object& root, ConfigDraw& draw) {
    static constexpr std::array names{"name", "bind", "pool", "pool", "key"};
    draw.set(some_listener(root, draw), configuration_schema().at("listeners"),
             draw.random().pick(names));
}

// Any entry of any map is added, dropped or drawn again.
void change_entry(object& root, ConfigDraw& draw) {
    const auto maps = maps_of(root);
    const auto& place = draw.random().pick(maps);
    const auto& property = draw.random().pick(place.node->properties);
    const SchemaNode& node = property.node;
    if (node.named || (node.items && node.items->is_map())) return;  // edits of their own
    if (!property.required && place.map->contains(property.name) && draw.random().one_in(2)) {
        place.map->erase(property.name);
    } else if (can_draw(node)) {
        draw.set(*place.map, *place.node, property.name);
    }
}

}  // namespace

void edit(object& root, ConfigDraw& draw) {
    using Edit = void (*)(object&, ConfigDraw&);
    static constexpr std::array<Edit, 20> edits{
        add_server,      add_server,      add_server,    remove_server, remove_server,
        change_server,   change_server,   change_server, change_server, swap_servers,
        swap_servers,    move_server,     add_pool,      remove_pool,   add_listener,
        remove_listener, change_listener, change_entry,  change_entry,  change_entry};
    draw.random().pick(edits)(root, draw);
}

}  // namespace ringway::simulation
