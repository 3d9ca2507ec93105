// What the file and the overrides say of the servers of every pool, and the limits that both
// hold together. A change is worked out here first: it is refused and changes nothing, or it
// counts and its result is what the servers are to become. No I/O. Control thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/config.h"
#include "conf/result.h"
#include "proxy/control/desired_servers.h"
#include "proxy/control/overrides.h"

namespace ringway::proxy {

class ServerLayers {
public:
    // What becomes of one server: nothing where it leaves.
    struct Change {
        std::string id;
        bool is_new = false;
        std::optional<DesiredServer> desired;
    };
    using Changes = std::vector<Change>;  // in the order in which they were asked for

    struct Registration {
        std::string id;
        conf::Endpoint address;
        std::uint32_t weight = 1;
    };

    // Fails if set_file() must not be called for these pools. The file alone fits its rings
    // (conf/ sees to that); with overrides it may not.
    Result<void> check(const conf::Config& config) const;
    // The file's entries that overrides replace, and overrides without a pool, a line each.
    std::vector<std::string> notes_on(const conf::Config& config) const;
    // What set_file() would return.
    DesiredServers servers_after(const conf::Pool& next) const;
    // Takes the file's entry of a pool, and drops the overrides that it ends.
    DesiredServers set_file(const conf::Pool& next);
    // The file names the pool no more. Its overrides are kept.
    void remove_pool(std::string_view pool);

    // Changes at run time. All of `servers`, or none.
    Result<Changes> register_servers(std::string_view pool,
                                     const std::vector<Registration>& servers);
    Result<Changes> unregister_server(std::string_view pool, std::string_view id);
    Result<Changes> set_admin_state(std::string_view pool, std::string_view id,
                                    AdminState admin_state);
    Result<Changes> set_weight(std::string_view pool, std::string_view id, std::uint32_t weight);
    Result<Changes> set_address(std::string_view pool, std::string_view id,
                                const conf::Endpoint& address);
    // Drops every override of a server, also of one whose pool is not there.
    Result<Changes> forget(std::string_view pool, std::string_view id);

    // Fails if there is no such pool, or it has no such server.
    Result<void> check_exists(std::string_view pool, std::string_view id) const;

    const Overrides& overrides() const { return overrides_; }
    // Before the first set_file().
    void set_overrides(Overrides overrides) { overrides_ = std::move(overrides); }

private:
    // What the file says of one pool, and the size of what the layers make together.
    struct PoolLayers {
        conf::HashSettings hash;
        FileServers file;
        std::uint64_t servers = 0;
        std::uint64_t weights = 0;  // in all
    };
    using OverridesOfServers = std::vector<std::pair<std::string, ServerOverrides>>;

    PoolOverrides settled(const conf::Pool& next, const FileServers& file) const;
    ServerOverrides override_of(std::string_view pool, std::string_view id) const;
    const conf::Server* in_file(const PoolLayers& pool, std::string_view id) const;
    std::optional<DesiredServer> desired(std::string_view pool, const PoolLayers& layers,
                                         std::string_view id) const;
    Result<Changes> replace(std::string_view pool, const OverridesOfServers& overrides);
    Result<Changes> replace(std::string_view pool, std::string_view id,
                            const ServerOverrides& overrides);
    void put(std::string_view pool, std::string_view id, const ServerOverrides& overrides);

    std::map<std::string, PoolLayers, std::less<>> pools_;
    Overrides overrides_;  // of pools that the file does not name too; nothing empty in it
};

}  // namespace ringway::proxy
