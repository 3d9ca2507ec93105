#include "proxy/control/desired_servers.h"

#include <array>

namespace ringway::proxy {

namespace {

// A check of another port of its address goes to that port of the new one.
void move_to(DesiredServer& server, const conf::Endpoint& address) {
    if (server.check_address && !server.address.is_unix) {
        conf::Endpoint same_port = server.address;
        same_port.port = server.check_address->port;
        if (same_port == *server.check_address) {
            const std::uint16_t port = server.check_address->port;
            server.check_address.reset();
            if (!address.is_unix) {
                server.check_address = address;
                server.check_address->port = port;
            }
        }
    }
    server.address = address;
}

void apply(DesiredServer& server, const ServerLayer& layer) {
    if (layer.present) server.source = layer.source;
    if (layer.address) move_to(server, *layer.address);
    if (layer.weight) server.weight = *layer.weight;
    if (layer.max_connections) server.max_connections = *layer.max_connections;
    if (layer.check_address) server.check_address = *layer.check_address;
    if (layer.admin_state) server.admin_state = *layer.admin_state;
}

template <class Servers>
Layer layer_of_each(const Servers& servers) {
    Layer layer;
    layer.reserve(servers.size());
    for (const auto& [id, server] : servers) layer.emplace_back(id, layer_of(server));
    return layer;
}

}  // namespace

std::optional<DesiredServer> merge(std::span<const ServerLayer> layers) {
    std::optional<DesiredServer> server;
    for (const ServerLayer& layer : layers) {
        if (layer.present == false) server.reset();
        if (layer.present == true && !server) server.emplace();
        if (server) apply(*server, layer);
    }
    return server;
}

DesiredServers merge(std::span<const Layer> layers) {
    DesiredServers servers;
    std::vector<Layer::const_iterator> heads;
    for (const Layer& layer : layers) heads.push_back(layer.begin());
    std::vector<ServerLayer> of_server;
    while (true) {
        const std::string_view* least = nullptr;
        for (std::size_t i = 0; i < layers.size(); ++i) {
            if (heads[i] == layers[i].end()) continue;
            if (least == nullptr || heads[i]->first < *least) least = &heads[i]->first;
        }
        if (least == nullptr) return servers;
        const std::string_view id = *least;
        of_server.clear();
        for (std::size_t i = 0; i < layers.size(); ++i) {
            if (heads[i] == layers[i].end() || heads[i]->first != id) continue;
            of_server.push_back(heads[i]->second);
            ++heads[i];
        }
        if (auto merged = merge(of_server)) {
            servers.emplace_hint(servers.end(), id, std::move(*merged));
        }
    }
}

ServerLayer layer_of(const conf::Server& server) {
    return {.source = ServerSource::file,
            .present = true,
            .address = &server.address,
            .weight = server.weight,
            .max_connections = server.max_connections,
            .check_address = server.check_address ? &*server.check_address : nullptr};
}

ServerLayer layer_of(const ServerOverrides& overrides) {
    ServerLayer layer{.source = ServerSource::runtime};
    if (overrides.unregistered) {
        layer.present = false;
        return layer;
    }
    if (overrides.registered) {
        layer.present = true;
        layer.address = &overrides.registered->address;
        layer.weight = overrides.registered->weight;
    } else {
        layer.address = overrides.address ? &*overrides.address : nullptr;
        layer.weight = overrides.weight;
    }
    layer.admin_state = overrides.admin_state;
    return layer;
}

Layer layer_of(const FileServers& file) {
    return layer_of_each(file);
}

Layer layer_of(const PoolOverrides& overrides) {
    return layer_of_each(overrides);
}

std::optional<DesiredServer> desired_server(const conf::Server* file,
                                            const ServerOverrides* overrides) {
    std::vector<ServerLayer> layers;
    if (file != nullptr) layers.push_back(layer_of(*file));
    if (overrides != nullptr) layers.push_back(layer_of(*overrides));
    return merge(layers);
}

DesiredServers desired_servers(const FileServers& file, const PoolOverrides& overrides) {
    const std::array<Layer, 2> layers{layer_of(file), layer_of(overrides)};
    return merge(layers);
}

}  // namespace ringway::proxy
