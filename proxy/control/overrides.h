// What was said of servers at run time, and the rules by which that and the file become
// one list of servers. Values and pure functions; any thread.
//
//  1. A server that only one of them names is as that one says.
//  2. A file that names a registered server ends its registration: the file wins, with
//     the reload or start that reads it. Until then, as after an unregistration, the
//     registration's address and weight count, and the file's limit and port of checks.
//  3. A server of the file that was unregistered stays away while the file names it; one
//     that leaves the file and comes back is new.
//  4. What was said by hand (offline, online, drain), and a weight or an address that was
//     set, hold while the server is there, whatever the file says of it, and end when it is
//     unregistered or leaves.
//  5. Of a pool that the file does not name, all that was said is kept and counts for
//     nothing until the pool is back.
//  6. Whatever was said can be forgotten: then the file alone decides.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "conf/config.h"
#include "health/standing.h"

namespace ringway::proxy {

using health::Override;

// Of one server.
struct Said {
    struct Registration {
        conf::Endpoint address;
        std::uint32_t weight = 1;
        bool operator==(const Registration&) const = default;
    };
    std::optional<Registration> registered;
    bool unregistered = false;  // one of the file's; never beside the others
    Override by_hand = Override::automatic;
    // In place of what the file says; never beside `registered`, which has them itself.
    std::optional<std::uint32_t> weight;
    std::optional<conf::Endpoint> address;

    bool is_nothing() const { return *this == Said{}; }
    bool operator==(const Said&) const = default;
};

using SaidOfPool = std::map<std::string, Said, std::less<>>;       // by server
using SaidOfAll = std::map<std::string, SaidOfPool, std::less<>>;  // by pool

// The servers that the file names in one pool.
using FileServers = std::map<std::string, conf::Server, std::less<>>;
FileServers servers_of(const conf::Pool& pool);

// One server as file and run time together want it.
struct Wish {
    enum class Source { file, runtime };

    conf::Endpoint address;
    std::uint32_t weight = 1;
    std::uint32_t max_connections = 0;            // 0 for no limit
    std::optional<conf::Endpoint> check_address;  // where not `address` is checked
    Source source = Source::file;
    Override by_hand = Override::automatic;
    bool operator==(const Wish&) const = default;
};

// Drops what a file that was just read ends (rules 2 to 4).
void settle(SaidOfPool& said, const FileServers& file);

// One server of a pool of the file: what the file names of it, if it does, under what was
// said. Nothing where it is not to be there.
std::optional<Wish> wish_of(const conf::Server* file, const Said* said);

// The servers of a pool of the file.
std::map<std::string, Wish, std::less<>> wishes(const FileServers& file, const SaidOfPool& said);

// A line for each server whose entry in the file counts for nothing, or that the file
// takes over: what somebody who reads the file would not expect.
std::vector<std::string> notes(const std::string& pool, const FileServers& file,
                               const SaidOfPool& said);

}  // namespace ringway::proxy
