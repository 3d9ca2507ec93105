// What the pools should be, and the one path that makes the rings so: the file,
// the admin socket, the health checks and the connections of clients each change what is
// wanted, and reconcile() publishes the difference. Control thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "conf/config.h"
#include "health/checker.h"
#include "health/local_fault.h"
#include "health/passive.h"
#include "health/standing.h"
#include "proxy/clock.h"
#include "proxy/departure.h"
#include "proxy/events.h"
#include "proxy/overrides.h"
#include "proxy/ring_figures.h"
#include "proxy/server.h"
#include "proxy/trouble.h"
#include "ring/balancer.h"

namespace ringway::proxy {

// One server: what is wanted of it, and what is known.
struct WantedServer : Wish {
    std::shared_ptr<PerWorker<ServerCounts>> counts;
    bool online = true;  // as last published
    TimePoint since{};   // of the last change of `online`
    bool down = false;   // its connections were treated so

    // What connections tell; only where the pool has `passive`.
    std::shared_ptr<Trouble> trouble;
    std::optional<health::Passive> passive;
    std::string failed_by;                // why connections took it down; empty if they did not
    std::optional<TimePoint> away_until;  // where no check brings it back

    bool is_new = true;  // no check knows it at its address yet
    // Among the pool's first servers and waiting for its first check: comes without a slow
    // start, since none of those has more keys to lose than another.
    bool came_with_pool = false;

    std::optional<TimePoint> ramps_since;  // of its slow start, while it goes on
    std::uint32_t ramp = ring::full_ramp;  // as last published
};

struct Pool {
    conf::Pool settings;  // but for its servers, which are below
    FileServers in_file;  // those that the file names
    std::shared_ptr<ring::Balancer> balancer;
    RingFigures figures;
    std::shared_ptr<PerWorker<PoolCounts>> counts;
    std::map<std::string, WantedServer, std::less<>> servers;
    bool panics = false;  // so few are up that their states are ignored

    health::LocalFaults local;  // whether all its connections fail on this machine
    health::LocalFault local_fault_told = health::LocalFault::none;  // in log and events
    health::LocalSigns local_signs;                                  // as last looked at
    std::uint64_t local_failures_logged = 0;
    TimePoint local_failures_logged_at{};
};

// The rings of pools by their names, at one moment or as they would be.
using Rings = std::map<std::string, std::shared_ptr<const ring::Snapshot>, std::less<>>;

ring::Settings ring_settings(const conf::HashSettings& hash);

// The ring that serves a pool of these servers, all of them online.
std::shared_ptr<const ring::Snapshot> ring_of(const conf::Pool& pool);

class Pools {
public:
    // Has every worker end connections, or spare those that are left of a server's.
    struct Connections {
        std::function<void(const Cut&)> depart = [](const Cut&) {};
        std::function<void(const std::shared_ptr<PerWorker<ServerCounts>>&)> spare =
            [](const auto&) {};
    };

    // `events` outlives this.
    Pools(boost::asio::io_context& io, std::size_t workers, Events& events,
          Connections connections);

    // Why apply() would refuse this configuration; nothing if it would not.
    std::optional<std::string> refusal(const conf::Config& config) const;

    // Makes the pools what `config` says together with what was said at run time
    // (proxy/overrides.h). Returns what changed, a line each.
    std::vector<std::string> apply(const conf::Config& config);

    // The rings now, and as apply() would leave them: servers that stay are up, down or
    // ramping as they are now, new ones are up with all their points. Costs about what
    // apply() does. `config` is one that refusal() has nothing against.
    Rings rings() const;
    Rings rings_after(const conf::Config& config) const;
    // What apply() would say of the part that what was said at run time has in it.
    std::vector<std::string> notes_on(const conf::Config& config) const;

    // Changes at run time. An answer is the reason of a refusal.
    using Refusal = std::optional<std::string>;
    Refusal register_server(std::string_view pool, std::string_view id,
                            const conf::Endpoint& address, std::uint32_t weight);
    Refusal unregister_server(std::string_view pool, std::string_view id);
    Refusal set_override(std::string_view pool, std::string_view id, Override by_hand);
    // Ends whatever was said of a server, which is as the file says from then on.
    Refusal forget(std::string_view pool, std::string_view id);

    // All that was said at run time; set before the first apply().
    const SaidOfAll& said() const { return said_; }
    void set_said(SaidOfAll said) { said_ = std::move(said); }

    const std::map<std::string, Pool, std::less<>>& all() const { return pools_; }
    const Pool* find(std::string_view pool) const;

    // What the checks know of a server; nothing where it is not checked.
    std::optional<health::View> health(std::string_view pool, std::string_view id) const;

    // The finer word beside "online" and "offline".
    std::string detail(std::string_view pool, std::string_view id) const;

    // Looks once a second, from now on, whether connections of pools fail on this machine.
    void watch_local_faults();
    // Why no connection of the pool can leave this machine now; nothing where some can.
    std::optional<std::string> local_fault(const Pool& pool) const;

    // Ends all checks and slow starts.
    void stop();

private:
    void on_health_change(const health::Change& change);
    void on_trouble(const std::string& key);
    void on_alarm();
    void reconcile_soon(const std::string& pool);
    SaidOfPool said_of(std::string_view pool) const;
    Said what_was_said(std::string_view pool, std::string_view id) const;
    void put(std::string_view pool, std::string_view id, const Said& said);
    Refusal say(std::string_view pool, std::string_view id, const Said& said);
    void merge(Pool& pool, const conf::Pool& from_file, std::vector<std::string>& changes);
    void adopt(const std::string& name, Pool& pool, std::vector<std::string>& changes);
    void retarget();
    void equip(const std::string& name, Pool& pool);
    void reconcile(const std::string& name, Pool& pool);
    void judge(const std::string& name, Pool& pool);
    std::shared_ptr<const ring::Snapshot> ring_after(const conf::Pool& next) const;
    void turn(const Pool& pool, WantedServer& server, health::Standing standing) const;
    void remove(const Pool& pool, const WantedServer& server) const;
    void arm();
    bool seems_up(std::string_view pool, std::string_view id, const WantedServer& server) const;
    bool awaits_check(std::string_view pool, std::string_view id, const WantedServer& server) const;
    void look_for_local_faults();
    void look_for_local_faults(const std::string& name, Pool& pool, bool checks_failed);
    void warn_of_checks(std::uint64_t not_run);

    boost::asio::io_context& io_;
    const std::size_t workers_;
    Events& events_;
    std::map<std::string, Pool, std::less<>> pools_;
    SaidOfAll said_;               // of pools that the file does not name too; nothing empty in it
    std::set<std::string> dirty_;  // pools to reconcile at the end of this turn
    health::Checker checker_;
    const Connections connections_;
    boost::asio::steady_timer alarm_;   // stands at the next step or return of any server
    boost::asio::steady_timer look_;    // for local faults
    std::uint64_t checks_not_run_ = 0;  // as last looked at
    std::uint64_t checks_not_run_logged_ = 0;
    TimePoint checks_not_run_logged_at_{};
    bool stopped_ = false;
};

}  // namespace ringway::proxy
