// What the layers (desired_servers.h) say of the servers of every pool, and the limits that they
// hold together. A change is worked out here first: it is refused and changes nothing, or it
// counts and its result is what the servers are to become. No I/O. Control thread only.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/config.h"
#include "conf/result.h"
#include "proxy/control/desired_servers.h"
#include "proxy/control/overrides.h"

namespace ringway::proxy {

// Servers that a source names from now on, or no more.
using NamedChanges = std::map<std::string, std::optional<conf::Server>, std::less<>>;
NamedChanges changes_between(const NamedServers& before, const NamedServers& after);

class ServerLayers {
public:
    // What becomes of one server: nothing where it leaves.
    struct Change {
        std::string id;
        bool is_new = false;
        std::optional<DesiredServer> desired;
        std::uint32_t weight_before = 0;
    };
    using Changes = std::vector<Change>;  // in the order in which they were asked for

    using ChangesByPool = std::vector<std::pair<std::string, Changes>>;

    struct Registration {
        std::string id;
        conf::ServerAddress address;
        std::uint32_t weight = 1;
    };

    // What DNS and etcd have for a pool now; nothing where none of them has answered yet.
    struct Sourced {
        std::optional<NamedServers> dns;
        std::optional<NamedServers> etcd;
    };
    // Whom to ask what comes from elsewhere.
    struct Elsewhere {
        std::function<Sourced(const conf::Pool&)> servers_of = [](const conf::Pool&) {
            return Sourced{};
        };
        std::function<std::string(const std::string& host)> why_no_address =
            [](const std::string&) { return std::string("not looked up"); };
        // Servers may be at other hosts() now.
        std::function<void()> hosts_change = [] {};
    };

    ServerLayers() : ServerLayers(Elsewhere()) {}
    explicit ServerLayers(Elsewhere elsewhere) : elsewhere_(std::move(elsewhere)) {}

    // Fails if set_file() must not be called for these pools. The file alone fits its rings
    // (conf/ sees to that); with overrides it may not.
    Result<void> check(const conf::Config& config) const;
    // The file's entries that overrides replace, and overrides without a pool, a line each.
    std::vector<std::string> notes_on(const conf::Config& config) const;
    // What set_file() would return. What DNS or etcd has counts as far as it fits the ring.
    DesiredServers servers_after(const conf::Pool& next) const;
    // Takes the file's entry of a pool, and drops the overrides that it ends.
    DesiredServers set_file(const conf::Pool& next);
    // The file names the pool no more. Its overrides are kept.
    void remove_pool(std::string_view pool);

    // DNS or etcd has other servers for a pool, which is there. Refused where the ring would be
    // too large: then what it had goes on.
    Result<Changes> change_named(std::string_view pool, ServerSource source,
                                 NamedChanges named_changes);
    // The words of the whole fleet are these: the administrative states of servers.
    ChangesByPool set_fleet(Overrides words);
    // DNS has other addresses of these hosts; nothing for a host that is looked up no more.
    using HostChanges = std::map<std::string, std::optional<conf::Endpoint>, std::less<>>;
    ChangesByPool set_hosts(const HostChanges& changes);
    // Those that servers are at, by any layer of any pool, and by `next` if it is given.
    std::set<std::string> hosts(const conf::Config* next = nullptr) const;

    // Changes at run time. All of `servers`, or none.
    Result<Changes> register_servers(std::string_view pool,
                                     const std::vector<Registration>& servers);
    Result<Changes> unregister_server(std::string_view pool, std::string_view id);
    Result<Changes> set_admin_state(std::string_view pool, std::string_view id,
                                    AdminState admin_state);
    Result<Changes> set_weight(std::string_view pool, std::string_view id, std::uint32_t weight);
    Result<Changes> set_address(std::string_view pool, std::string_view id,
                                const conf::ServerAddress& address);
    // Drops every override of a server, also of one whose pool is not there.
    Result<Changes> forget(std::string_view pool, std::string_view id);

    // Fails if there is no such pool, or it has no such server.
    Result<void> check_exists(std::string_view pool, std::string_view id) const;

    const Overrides& overrides() const { return overrides_; }
    const Overrides& fleet_words() const { return fleet_; }
    // What a source names in a pool.
    const NamedServers& named(std::string_view pool, ServerSource source) const;
    // Why DNS has no address of a host.
    std::string why_no_address(const std::string& host) const {
        return elsewhere_.why_no_address(host);
    }
    // A change has been taken up.
    void on_change() const { elsewhere_.hosts_change(); }
    // Why what a source has for a pool does not count, where it does not fit.
    std::optional<std::string> misfit(std::string_view pool, ServerSource source) const;
    // Before the first set_file().
    void set_overrides(Overrides overrides) { overrides_ = std::move(overrides); }

private:
    // What the lower layers say of one pool, and the size of what the layers make together.
    struct PoolLayers {
        conf::HashSettings hash;
        std::array<NamedServers, naming_sources> named;                  // by ServerSource
        std::array<std::optional<std::string>, naming_sources> misfits;  // the same
        std::uint64_t servers = 0;
        std::uint64_t weights = 0;  // in all
        bool has_sources = false;   // besides the file

        NamedServers& of(ServerSource source) { return named[static_cast<std::size_t>(source)]; }
        const NamedServers& of(ServerSource source) const {
            return named[static_cast<std::size_t>(source)];
        }
    };
    using OverridesOfServers = std::vector<std::pair<std::string, ServerOverrides>>;
    using IdsByPool = std::map<std::string, std::set<std::string>, std::less<>>;

    static Reason misfit_of(std::string_view pool, const Reason& why);
    PoolOverrides settled(const conf::Pool& next, const NamedServers& file) const;
    std::pair<PoolLayers, DesiredServers> layers_after(const conf::Pool& next,
                                                       const PoolOverrides& overrides) const;
    DesiredServers all_desired(std::string_view pool, const PoolLayers& layers,
                               const PoolOverrides& overrides) const;
    template <class Visit>
    void for_each_host(std::string_view pool, const PoolLayers& layers, Visit visit) const;
    ServerOverrides override_of(std::string_view pool, std::string_view id) const;
    static bool is_named(const PoolLayers& layers, std::string_view id);
    std::optional<DesiredServer> desired(std::string_view pool, const PoolLayers& layers,
                                         std::string_view id) const;
    std::optional<DesiredServer> desired(std::string_view pool, const PoolLayers& layers,
                                         std::string_view id,
                                         const ServerOverrides& overrides) const;
    static void add_differing(const Overrides& a, const Overrides& b, IdsByPool& ids);
    ChangesByPool change(const IdsByPool& ids, const std::function<void()>& mutate) const;
    Result<Changes> replace(std::string_view pool, const OverridesOfServers& overrides);
    Result<Changes> replace(std::string_view pool, std::string_view id,
                            const ServerOverrides& overrides);
    void put(std::string_view pool, std::string_view id, const ServerOverrides& overrides);

    Elsewhere elsewhere_;
    std::map<std::string, PoolLayers, std::less<>> pools_;
    Overrides overrides_;  // of pools that the file does not name too; nothing empty in it
    Overrides fleet_;      // the same
    HostAddresses hosts_;
};

}  // namespace ringway::proxy
