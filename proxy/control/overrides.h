// Overrides of servers: the layer above those that name servers (the file, DNS and etcd), and the
// rules for how long each lasts. Values and pure functions; any thread.
//
//  1. A server that only the file or only an override names is as that one says.
//  2. A file that names a registered server ends its registration, with the reload or start
//     that reads it: the file wins. Until then, as after an unregistration, the
//     registration's address and weight count, and the file's limit and port of checks.
//  3. A server of the file that was unregistered stays away while the file names it; one
//     that leaves the file and returns is new.
//  4. An administrative state (offline, online, drain), and a weight or an address that was
//     set, hold while the server exists, whatever the file says of it, and end when it is
//     unregistered or leaves.
//  5. The overrides of a pool that the file does not name are kept, and have no effect until
//     the pool returns.
//  6. Any override can be forgotten: then the layers below decide.
//  7. DNS and etcd end nothing: a server that they name no more may be back. In a pool with
//     `servers_from` the overrides of a server that is away are kept, without effect, until it is
//     back or they are forgotten; and a registration counts above what DNS and etcd say.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "conf/config.h"
#include "health/availability.h"

namespace ringway::proxy {

using health::AdminState;

// Of one server.
struct ServerOverrides {
    struct Registration {
        conf::ServerAddress address;
        std::uint32_t weight = 1;
        bool operator==(const Registration&) const = default;
    };
    std::optional<Registration> registered;
    bool unregistered = false;  // one that a layer below names; never beside the others
    AdminState admin_state = AdminState::automatic;
    // In place of what the layers below say; never beside `registered`, which has them itself.
    std::optional<std::uint32_t> weight;
    std::optional<conf::ServerAddress> address;

    bool is_nothing() const { return *this == ServerOverrides{}; }
    bool operator==(const ServerOverrides&) const = default;
};

using PoolOverrides = std::map<std::string, ServerOverrides, std::less<>>;  // by server
using Overrides = std::map<std::string, PoolOverrides, std::less<>>;        // by pool

// The servers that the file, DNS or etcd names in one pool.
using NamedServers = std::map<std::string, conf::Server, std::less<>>;
NamedServers servers_of(const conf::Pool& pool);

// Drops what a file that was just read ends (rules 2 to 4, and 7 where `keeps_absent`).
void settle(PoolOverrides& overrides, const NamedServers& file, bool keeps_absent);

// A line for each server whose entry in the file counts for nothing, or that the file
// takes over: what somebody who reads the file would not expect.
std::vector<std::string> notes(const std::string& pool, const NamedServers& file,
                               const PoolOverrides& overrides);

}  // namespace ringway::proxy
