// The servers that a pool should have: what its layers say of each, from the lowest up, made
// one. A new source of servers is a new layer, not a new rule. Values and pure functions; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/config.h"
#include "health/availability.h"
#include "proxy/control/overrides.h"

namespace ringway::proxy {

// The layers, from the lowest up: of the first three the file, DNS and etcd each name servers, the
// last two override what those say.
enum class ServerSource : std::uint8_t { file, dns, etcd, fleet, runtime };
constexpr std::size_t naming_sources = 3;

const char* to_string(ServerSource source);

// What one layer says of one server. The layers below decide what it leaves out. Borrows the
// addresses: a reload merges tens of thousands of servers in one turn of the loop.
struct ServerLayer {
    ServerSource source = ServerSource::file;
    std::optional<bool> present;  // adds the server, or removes it and all that is below
    const conf::ServerAddress* address = nullptr;  // of a layer that adds a server: always
    std::optional<std::uint32_t> weight;
    std::optional<std::uint32_t> max_connections;
    const conf::Endpoint* check_address = nullptr;
    std::optional<AdminState> admin_state;
};

// What one layer says of a pool: ascending by id. Borrows the ids.
using Layer = std::vector<std::pair<std::string_view, ServerLayer>>;

// The address of each host that DNS has one of; the port is of no meaning.
using HostAddresses = std::map<std::string, conf::Endpoint, std::less<>>;

struct DesiredServer {
    // Which layer decides of each property.
    struct Deciding {
        ServerSource address = ServerSource::file;
        ServerSource weight = ServerSource::file;
        ServerSource max_connections = ServerSource::file;
        ServerSource admin_state = ServerSource::file;
        bool operator==(const Deciding&) const = default;
    };
    conf::Endpoint address;
    std::string host;  // whose address in DNS `address` is; empty for one that is given
    std::uint32_t weight = 1;
    std::uint32_t max_connections = 0;            // 0 for no limit
    std::optional<conf::Endpoint> check_address;  // where not `address` is checked
    ServerSource source = ServerSource::file;     // the highest layer that adds it
    AdminState admin_state = AdminState::automatic;
    Deciding deciding;

    // DNS has yet to have the address of its host: it can be neither dialled nor checked.
    bool awaits_address() const;
    bool operator==(const DesiredServer&) const = default;
};
using DesiredServers = std::map<std::string, DesiredServer, std::less<>>;

// One server, by what the layers say of it, lowest first; nothing where it is not to exist. A
// layer that neither adds nor removes a server counts only where one below adds it, but for its
// administrative state, which counts for whoever is added above it too. A layer
// that moves a server to another address takes along a check of another port of the address
// below it, and leaves a check of another machine where it is; so does the address of a host.
std::optional<DesiredServer> merge(std::span<const ServerLayer> layers,
                                   const HostAddresses& hosts = {});

// All of a pool.
DesiredServers merge(std::span<const Layer> layers, const HostAddresses& hosts = {});

// What a layer says.
ServerLayer layer_of(ServerSource source, const conf::Server& server);
ServerLayer layer_of(ServerSource source, const ServerOverrides& overrides);
Layer layer_of(ServerSource source, const NamedServers& servers);
Layer layer_of(ServerSource source, const PoolOverrides& overrides);

}  // namespace ringway::proxy
