// The pools, and the one path of every change to their rings. Four parts, each the owner of
// its state: ServerLayers of what is wanted, ServerHealth of what is known, ring_state() of
// what the ring should be by both, RingPublisher of what serves. Control thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "conf/config.h"
#include "health/checker.h"
#include "proxy/base/clock.h"
#include "proxy/control/background.h"
#include "proxy/control/desired_servers.h"
#include "proxy/control/events.h"
#include "proxy/control/fleet_view.h"
#include "proxy/control/local_fault_watch.h"
#include "proxy/control/ring_publisher.h"
#include "proxy/control/ring_state.h"
#include "proxy/control/server_health.h"
#include "proxy/control/server_layers.h"
#include "proxy/control/tls_files.h"
#include "proxy/data/eviction.h"
#include "proxy/data/server.h"
#include "ring/balancer.h"

namespace ringway::proxy {

struct PoolServer {
    PoolServer(const HealthTools& tools, const std::string& pool, const std::string& id,
               DesiredServer wanted, std::shared_ptr<PerWorker<ServerCounts>> counted, bool ramps)
        : desired(std::move(wanted)),
          health(tools, health_target(pool, id), ramps, Clock::now()),
          counts(std::move(counted)) {}

    DesiredServer desired;
    ServerHealth health;
    std::shared_ptr<PerWorker<ServerCounts>> counts;
};

// What counts a pool's connections. Outlives rings, servers and the pool itself for as
// long as connections live: what comes back finds them counted.
struct PoolLedger {
    std::shared_ptr<ring::Ledger> connections = std::make_shared<ring::Ledger>();
    std::shared_ptr<PerWorker<PoolCounts>> counts;
    std::map<std::string, std::weak_ptr<PerWorker<ServerCounts>>, std::less<>> servers;
};

struct Pool {
    conf::Pool settings;  // but for its servers, which are below
    std::shared_ptr<PoolLedger> ledger;
    PoolTlsClients tls;
    const PublishedRing* ring = nullptr;  // the publisher's
    std::map<std::string, PoolServer, std::less<>> servers;
    bool has_unchecked = false;  // as last reported to the fleet
    bool panics = false;         // so few are up that their states are ignored
    LocalFaultWatch local;
    TimePoint alarm = TimePoint::max();  // when time alone changes something

    const PoolServer* find(std::string_view id) const;
    const PerWorker<PoolCounts>& counts() const { return *ledger->counts; }
    // So many servers are online on the ring that serves, which may be older than what was
    // decided last.
    std::uint64_t online() const;
};

// The rings of pools by their names, at one moment or as they would be.
using Rings = std::map<std::string, std::shared_ptr<const ring::Snapshot>, std::less<>>;

// A ring that could be: what would be made of which. Any thread may make it.
struct RingDraft {
    std::string pool;
    std::shared_ptr<const ring::Snapshot> base;
    std::vector<ring::Change> changes;
};
Rings make_rings(const std::vector<RingDraft>& drafts);

// The ring that serves a pool of these servers, all of them online.
std::shared_ptr<const ring::Snapshot> ring_of(const conf::Pool& pool);

class Pools {
public:
    // Has every worker end connections, or keep those that are left of a server's.
    struct Connections {
        std::function<void(const Eviction&)> evict = [](const Eviction&) {};
        std::function<void(const Eviction&)> cancel_eviction = [](const Eviction&) {};
        // A ring of the pool has changed.
        std::function<void(const std::string& pool)> published = [](const std::string&) {};
    };

    // What a fleet of replicas makes of servers; without functions this one goes by itself.
    struct FleetHealth {
        // The condition that counts, where `own` is what is known here.
        std::function<health::Condition(std::string_view pool, std::string_view id,
                                        health::Condition own)>
            condition;
        std::function<void(const std::string& pool, ChecksReport report)> report;
        // The servers of the pool that some replica finds down; this one may not have them.
        std::function<std::vector<std::string>(std::string_view pool)> down;
        // A check has ended in a pool of whose servers some had not been checked when last
        // reported: report_checks() is due.
        std::function<void()> first_checked;
    };

    // `events` and `builder`, on which rings are worked out, outlive this; so does what `sourced`
    // uses.
    Pools(boost::asio::io_context& io, std::size_t workers, Events& events, Background& builder,
          Connections connections, ServerLayers layers = ServerLayers());

    // What is wanted, to be asked; it changes by the functions below.
    const ServerLayers& layers() const { return layers_; }
    // Before the first apply().
    void set_overrides(Overrides overrides) { layers_.set_overrides(std::move(overrides)); }

    // Makes a pool what the file says together with the overrides. It fits
    // (ServerLayers::check()). Pools that a configuration does not name stay until drop_others().
    void apply(const conf::Pool& next, const PoolTlsClients& tls = {});
    void apply(const conf::Config& config);
    // Ends the pools that `config` does not name, when no listener leads there any more.
    void drop_others(const conf::Config& config);

    // Changes at run time.
    using Registration = ServerLayers::Registration;
    // All of them, or none.
    Result<void> register_servers(std::string_view pool, const std::vector<Registration>& servers);
    Result<void> register_server(std::string_view pool, std::string_view id,
                                 const conf::ServerAddress& address, std::uint32_t weight);
    Result<void> unregister_server(std::string_view pool, std::string_view id);
    Result<void> set_admin_state(std::string_view pool, std::string_view id,
                                 AdminState admin_state);
    Result<void> set_weight(std::string_view pool, std::string_view id, std::uint32_t weight);
    Result<void> set_address(std::string_view pool, std::string_view id,
                             const conf::ServerAddress& address);
    // Drops the overrides of a server, which is as the file says from then on.
    Result<void> forget(std::string_view pool, std::string_view id);
    // Forgets what is known of a server's health: it is new to its checks, and not in a
    // time-out.
    Result<void> clear(std::string_view pool, std::string_view id);

    // Changes of what DNS, etcd and the fleet say (ServerLayers). Pools that are not there have
    // none. Fails where the servers do not fit the ring: then nothing changes.
    Result<void> change_named(const std::string& pool, ServerSource source, NamedChanges changes);
    void set_hosts(const ServerLayers::HostChanges& changes);
    void set_fleet(Overrides words);
    // Judges all servers anew.
    void set_fleet_health(FleetHealth fleet_health);
    // Reports anew the pools of whose servers some had not been checked.
    void report_checks();
    // Others may find servers of these pools up or down now; of all for nullptr.
    void judge_soon(const std::set<std::string>* pools);

    // Calls `then` once all that was asked for until now of a pool, or of all where it is
    // nullptr, has been published.
    void when_published(const std::string* pool, std::function<void()> then);
    // Whether a ring of the pool is worked out in a few milliseconds.
    bool is_small(std::string_view pool) const;

    // The rings now, and as apply() would leave them: servers that stay are up, down or
    // ramping as they are now, new ones are up with all their points. Drafts take little
    // time, rings much. `config` fits (ServerLayers::check()).
    Rings rings() const;
    std::vector<RingDraft> drafts_of(const conf::Config& config) const;

    const std::map<std::string, Pool, std::less<>>& all() const { return pools_; }
    const Pool* find(std::string_view pool) const;
    // The finer word beside PublishedRing::is_online(). Until the next ring has been worked out a
    // server may be "removed" and still be there, or be "on its way" into or out of it.
    std::string detail(std::string_view pool, std::string_view id) const;

    // Looks once a second, from now on, whether connections of pools fail on this machine.
    void watch_local_faults();

    // Ends all checks and slow starts.
    void stop();

private:
    // What is wanted (pools.cpp).
    Result<void> take_up(std::string_view pool, const Result<ServerLayers::Changes>& changes);
    void take_up(ServerSource source, const ServerLayers::ChangesByPool& changes);
    void tell_of(const std::string& name, ServerSource source,
                 const ServerLayers::Changes& changes);
    Result<void> take_up_and_log(std::string_view pool, std::string_view id,
                                 const Result<ServerLayers::Changes>& changes,
                                 std::string_view verb, const std::string& what);
    void take_settings(Pool& pool, const conf::Pool& from_file, const PoolTlsClients& tls);
    std::set<std::string> rename(Pool& pool, const DesiredServers& wanted);
    void adopt(Pool& pool, const std::string& id, const DesiredServer& desired, bool may_ramp);
    PoolServer& add(Pool& pool, const std::string& id, const DesiredServer& desired, bool ramps);
    void drop(Pool& pool, const std::string& id, bool renamed);

    // What is known (pools_health.cpp).
    std::pair<Pool*, PoolServer*> of_target(const std::string& target);
    void on_check(const health::Checked& check);
    void on_health_change(const health::HealthChange& change);
    void on_failure_reports(const std::string& target);
    void end_due_time_outs(Pool& pool, TimePoint now);
    void on_alarm();
    void set_alarm(Pool& pool, TimePoint now);
    void arm();
    void look_for_local_faults();
    void warn_of_checks(std::uint64_t not_run, TimePoint now);

    // What the rings should be by both (pools_rings.cpp).
    health::Condition condition_of(const Pool& pool, const std::string& id,
                                   const health::Condition& own) const;
    void report_to_fleet(Pool& pool) const;
    std::vector<ring::Change> judge(Pool& pool);
    void report_panic(Pool& pool, const RingState& state);
    RingDraft draft_of(const conf::Pool& next) const;
    void evict(const Pool& pool, Eviction eviction, const conf::Leaving& leaving);
    void cancel_eviction(const Pool& pool, const Eviction& eviction);

    boost::asio::io_context& io_;
    const std::size_t workers_;
    Events& events_;
    ServerLayers layers_;
    health::Checker checker_;
    const HealthTools health_tools_;
    std::map<std::string, Pool, std::less<>> pools_;
    std::map<std::string, std::shared_ptr<PoolLedger>, std::less<>> ledgers_;  // of pools that left
    const Connections connections_;
    FleetHealth fleet_health_;
    RingPublisher publisher_;
    std::set<std::pair<TimePoint, std::string>> alarms_;  // of pools
    boost::asio::steady_timer alarm_;                     // stands at the first of them
    boost::asio::steady_timer look_;                      // for local faults
    std::uint64_t checks_not_run_ = 0;                    // as last looked at
    std::uint64_t checks_not_run_logged_ = 0;
    TimePoint checks_not_run_logged_at_{};
    bool stopped_ = false;
};

}  // namespace ringway::proxy
