#include "proxy/control/desired_servers.h"

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
    if (layer.address) {
        move_to(server, layer.address->endpoint);
        server.host = layer.address->host;
        server.deciding.address = layer.source;
    }
    if (layer.weight) {
        server.weight = *layer.weight;
        server.deciding.weight = layer.source;
    }
    if (layer.max_connections) {
        server.max_connections = *layer.max_connections;
        server.deciding.max_connections = layer.source;
    }
    if (layer.check_address) server.check_address = *layer.check_address;
}

// Whoever adds the server.
void apply_words(DesiredServer& server, std::span<const ServerLayer> layers) {
    for (const ServerLayer& layer : layers) {
        if (!layer.admin_state) continue;
        server.admin_state = *layer.admin_state;
        server.deciding.admin_state = layer.source;
    }
}

// The last step: a host's server is where DNS has the host.
void look_up(DesiredServer& server, const HostAddresses& hosts) {
    if (server.host.empty()) return;
    const auto found = hosts.find(server.host);
    if (found == hosts.end()) return;
    conf::Endpoint address = found->second;
    address.port = server.address.port;
    move_to(server, address);
}

template <class Servers>
Layer layer_of_each(ServerSource source, const Servers& servers) {
    Layer layer;
    layer.reserve(servers.size());
    for (const auto& [id, server] : servers) layer.emplace_back(id, layer_of(source, server));
    return layer;
}

}  // namespace

const char* to_string(ServerSource source) {
    switch (source) {
        case ServerSource::file:
            return "file";
        case ServerSource::dns:
            return "dns";
        case ServerSource::etcd:
            return "etcd";
        case ServerSource::fleet:
            return "fleet";
        case ServerSource::runtime:
            return "runtime";
    }
    return "unknown";
}

bool DesiredServer::awaits_address() const {
    return !host.empty() && !address.is_v6 && address.address == conf::Endpoint{}.address;
}

std::optional<DesiredServer> merge(std::span<const ServerLayer> layers,
                                   const HostAddresses& hosts) {
    std::optional<DesiredServer> server;
    for (const ServerLayer& layer : layers) {
        if (layer.present == false) server.reset();
        if (layer.present == true && !server) server.emplace();
        if (server) apply(*server, layer);
    }
    if (!server) return server;
    apply_words(*server, layers);
    look_up(*server, hosts);
    return server;
}

DesiredServers merge(std::span<const Layer> layers, const HostAddresses& hosts) {
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
        if (auto merged = merge(of_server, hosts)) {
            servers.emplace_hint(servers.end(), id, std::move(*merged));
        }
    }
}

// The file says that there is no limit, the others do not say it.
ServerLayer layer_of(ServerSource source, const conf::Server& server) {
    ServerLayer layer{.source = source,
                      .present = true,
                      .address = &server.address,
                      .weight = server.weight,
                      .check_address = server.check_address ? &*server.check_address : nullptr};
    if (source == ServerSource::file || server.max_connections > 0) {
        layer.max_connections = server.max_connections;
    }
    return layer;
}

ServerLayer layer_of(ServerSource source, const ServerOverrides& overrides) {
    ServerLayer layer{.source = source};
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
    if (overrides.admin_state != AdminState::automatic) {
        layer.admin_state = overrides.admin_state;
    }
    return layer;
}

Layer layer_of(ServerSource source, const NamedServers& servers) {
    return layer_of_each(source, servers);
}

Layer layer_of(ServerSource source, const PoolOverrides& overrides) {
    return layer_of_each(source, overrides);
}

}  // namespace ringway::proxy
