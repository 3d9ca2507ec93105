// What the pools should be, and the one path that makes the rings so: the file,
// the admin socket, the health checks and the connections of clients each change what is
// wanted or known, and publish() has the difference worked out away from this thread and
// published. Control thread only.
#pragma once

#include <chrono>
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
#include "health/condition.h"
#include "health/local_fault.h"
#include "health/passive.h"
#include "proxy/base/clock.h"
#include "proxy/control/background.h"
#include "proxy/control/desired_servers.h"
#include "proxy/control/events.h"
#include "proxy/control/overrides.h"
#include "proxy/control/ring_publisher.h"
#include "proxy/control/ring_state.h"
#include "proxy/data/eviction.h"
#include "proxy/data/failure_reports.h"
#include "proxy/data/server.h"
#include "ring/balancer.h"

namespace ringway::proxy {

// One server: what is wanted of it, and what is known.
struct PoolServer : DesiredServer {
    std::string target;  // its name among the checks' targets
    std::shared_ptr<PerWorker<ServerCounts>> counts;
    bool online = true;  // as last decided; PublishedRing::is_online() is what serves
    TimePoint since{};   // of the last change of `online`
    bool down = false;   // its connections are treated so

    // What connections tell; only where the pool has `passive`.
    std::shared_ptr<FailureReports> failure_reports;
    std::optional<health::Passive> passive;

    // Among the pool's first servers and waiting for its first check: comes without a slow
    // start, since none of those has more keys to lose than another.
    bool came_with_pool = false;

    std::optional<TimePoint> ramps_since;  // of its slow start, while it goes on
    std::uint32_t ramp = ring::full_ramp;  // as last decided
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
    FileServers in_file;  // those that the file names
    std::shared_ptr<PoolLedger> ledger;
    const PublishedRing* ring = nullptr;  // the publisher's
    std::shared_ptr<PerWorker<PoolCounts>> counts;
    std::map<std::string, PoolServer, std::less<>> servers;
    bool panics = false;  // so few are up that their states are ignored

    health::LocalFaults local;  // whether all its connections fail on this machine
    health::LocalFault local_fault_told = health::LocalFault::none;  // in log and events
    health::LocalSigns local_signs;                                  // as last looked at
    std::uint64_t local_failures_logged = 0;
    TimePoint local_failures_logged_at{};

    TimePoint alarm = TimePoint::max();  // when time alone changes something

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
    // Has every worker end connections, or spare those that are left of a server's.
    struct Connections {
        std::function<void(const Eviction&)> evict = [](const Eviction&) {};
        std::function<void(const std::shared_ptr<PerWorker<ServerCounts>>&)> cancel_eviction =
            [](const auto&) {};
    };

    // `events` and `builder`, on which rings are worked out, outlive this.
    Pools(boost::asio::io_context& io, std::size_t workers, Events& events, Background& builder,
          Connections connections);

    // Why apply() would refuse this configuration; nothing if it would not.
    std::optional<std::string> refusal(const conf::Config& config) const;

    // Makes the pools what `config` says together with what was said at run time
    // (proxy/control/overrides.h), one pool after another. Pools that it does not name stay until
    // drop_others().
    void apply(const conf::Config& config);
    void apply(const conf::Pool& next);
    // Calls `then` once all that was asked for until now of a pool, or of all where it is
    // nullptr, has been published.
    void when_published(const std::string* pool, std::function<void()> then);
    // Whether a ring of the pool is worked out in a few milliseconds.
    bool is_small(std::string_view pool) const;
    // Ends the pools that `config` does not name, when no listener leads there any more.
    void drop_others(const conf::Config& config);

    // The rings now, and as apply() would leave them: servers that stay are up, down or
    // ramping as they are now, new ones are up with all their points. Drafts take little
    // time, rings much. `config` is one that refusal() has nothing against.
    Rings rings() const;
    std::vector<RingDraft> drafts_of(const conf::Config& config) const;
    // What of the file counts otherwise because of what was said at run time, a line each.
    std::vector<std::string> notes_on(const conf::Config& config) const;

    // Changes at run time. An answer is the reason of a refusal.
    using Refusal = std::optional<std::string>;
    struct Registration {
        std::string id;
        conf::Endpoint address;
        std::uint32_t weight = 1;
    };
    // All of them, or none.
    Refusal register_servers(std::string_view pool, const std::vector<Registration>& servers);
    Refusal register_server(std::string_view pool, std::string_view id,
                            const conf::Endpoint& address, std::uint32_t weight);
    Refusal unregister_server(std::string_view pool, std::string_view id);
    Refusal set_admin_state(std::string_view pool, std::string_view id, AdminState admin_state);
    Refusal set_weight(std::string_view pool, std::string_view id, std::uint32_t weight);
    Refusal set_address(std::string_view pool, std::string_view id, const conf::Endpoint& address);
    // Ends whatever was said of a server, which is as the file says from then on.
    Refusal forget(std::string_view pool, std::string_view id);
    // Forgets what is known of a server's health: it is new to its checks, and not in a
    // time-out.
    Refusal clear(std::string_view pool, std::string_view id);

    // All that was said at run time; set before the first apply().
    const Overrides& overrides() const { return overrides_; }
    void set_overrides(Overrides overrides) { overrides_ = std::move(overrides); }

    const std::map<std::string, Pool, std::less<>>& all() const { return pools_; }
    const Pool* find(std::string_view pool) const;

    // What the checks know of a server; nothing where it is not checked.
    std::optional<health::View> health(std::string_view pool, std::string_view id) const;

    // The finer word beside PublishedRing::is_online(). Until the next ring has been worked out a
    // server may be "removed" and still be there, or be "on its way" into or out of it.
    std::string detail(std::string_view pool, std::string_view id) const;

    // Looks once a second, from now on, whether connections of pools fail on this machine.
    void watch_local_faults();
    // Why no connection of the pool can leave this machine now; nothing where some can.
    std::optional<std::string> local_fault(const Pool& pool) const;

    // Ends all checks and slow starts.
    void stop();

private:
    using OverridesOfServers = std::vector<std::pair<std::string, ServerOverrides>>;

    // What is wanted (pools.cpp).
    PoolOverrides overrides_of(std::string_view pool) const;
    ServerOverrides overrides_of_server(std::string_view pool, std::string_view id) const;
    void put(std::string_view pool, std::string_view id, const ServerOverrides& overrides);
    Refusal override_servers(std::string_view pool, const OverridesOfServers& overrides);
    Refusal override_servers(std::string_view pool, std::string_view id,
                             const ServerOverrides& overrides);
    Refusal override_and_log(std::string_view pool, std::string_view id,
                             const ServerOverrides& next, std::string_view verb,
                             const std::string& what);
    Refusal needs_server(std::string_view pool, std::string_view id) const;
    void take(Pool& pool, const conf::Pool& from_file);
    void adopt_all(Pool& pool);
    std::set<std::string> rename(Pool& pool, const DesiredServers& wanted);
    void adopt(Pool& pool, const std::string& id, DesiredServer desired, bool may_ramp);
    PoolServer& add(Pool& pool, const std::string& id, bool ramps);
    void equip(const Pool& pool, PoolServer& server);
    void check(const Pool& pool, PoolServer& server, bool is_new);
    void drop(Pool& pool, const std::string& id, bool renamed);

    // What is known (pool_states.cpp).
    void on_health_change(const health::HealthChange& change);
    void on_failure_reports(const std::string& target);
    void on_alarm();
    health::Condition condition(const PoolServer& server) const;
    std::string why_so(const Pool& pool, const PoolServer& server,
                       const health::Condition& now) const;
    std::vector<ring::Change> judge(Pool& pool);
    void turn(const Pool& pool, PoolServer& server, health::Availability availability);
    void evict(const Pool& pool, const PoolServer& server, CloseReason reason,
               const conf::Leaving& leaving);
    void cancel_eviction(const Pool& pool, const PoolServer& server);
    void set_alarm(Pool& pool, TimePoint now);
    void arm();
    health::Condition condition_after(const conf::Pool& next, const DesiredServer& desired,
                                      const PoolServer& server) const;
    RingDraft draft_of(const conf::Pool& next) const;

    // Local faults (pool_faults.cpp).
    static void forgive_local_faults(Pool& pool);
    void look_for_local_faults();
    void look_for_local_faults(const std::string& name, Pool& pool, bool checks_failed);
    void warn_of_checks(std::uint64_t not_run);

    boost::asio::io_context& io_;
    const std::size_t workers_;
    Events& events_;
    std::map<std::string, Pool, std::less<>> pools_;
    std::map<std::string, std::shared_ptr<PoolLedger>, std::less<>> ledgers_;  // of pools that left
    Overrides overrides_;  // of pools that the file does not name too; nothing empty in it
    health::Checker checker_;
    const Connections connections_;
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
