// The servers that a pool should have: what its layers say of each, from the lowest up, made
// one. A new source of servers is a new layer, not a new rule. Values and pure functions; any
// thread.
#pragma once

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

// The layers, from the lowest up.
enum class ServerSource : std::uint8_t { file, runtime };

// What one layer says of one server. The layers below decide what it leaves out. Borrows the
// addresses: a reload merges tens of thousands of servers in one turn of the loop.
struct ServerLayer {
    ServerSource source = ServerSource::file;
    std::optional<bool> present;  // adds the server, or removes it and all that is below
    const conf::Endpoint* address = nullptr;  // of a layer that adds a server: always
    std::optional<std::uint32_t> weight;
    std::optional<std::uint32_t> max_connections;
    const conf::Endpoint* check_address = nullptr;
    std::optional<AdminState> admin_state;
};

// What one layer says of a pool: ascending by id. Borrows the ids.
using Layer = std::vector<std::pair<std::string_view, ServerLayer>>;

struct DesiredServer {
    conf::Endpoint address;
    std::uint32_t weight = 1;
    std::uint32_t max_connections = 0;            // 0 for no limit
    std::optional<conf::Endpoint> check_address;  // where not `address` is checked
    ServerSource source = ServerSource::file;     // the highest layer that adds it
    AdminState admin_state = AdminState::automatic;
    bool operator==(const DesiredServer&) const = default;
};
using DesiredServers = std::map<std::string, DesiredServer, std::less<>>;

// One server, by what the layers say of it, lowest first; nothing where it is not to exist. A
// layer that neither adds nor removes a server counts only where one below adds it. A layer
// that moves a server to another address takes along a check of another port of the address
// below it, and leaves a check of another machine where it is.
std::optional<DesiredServer> merge(std::span<const ServerLayer> layers);

// All of a pool.
DesiredServers merge(std::span<const Layer> layers);

// The two layers that there are.
ServerLayer layer_of(const conf::Server& server);
ServerLayer layer_of(const ServerOverrides& overrides);
Layer layer_of(const FileServers& file);
Layer layer_of(const PoolOverrides& overrides);

// merge() of these two. Either may be nullptr.
std::optional<DesiredServer> desired_server(const conf::Server* file,
                                            const ServerOverrides* overrides);
DesiredServers desired_servers(const FileServers& file, const PoolOverrides& overrides);

}  // namespace ringway::proxy
