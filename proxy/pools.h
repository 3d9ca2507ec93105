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
#include "health/passive.h"
#include "health/standing.h"
#include "proxy/clock.h"
#include "proxy/departure.h"
#include "proxy/events.h"
#include "proxy/ring_figures.h"
#include "proxy/server.h"
#include "proxy/trouble.h"
#include "ring/balancer.h"

namespace ringway::proxy {

using health::Override;

// One server as it is wanted, wherever that was said.
struct WantedServer {
    enum class Source { file, runtime };

    conf::Endpoint address;
    std::uint32_t weight = 1;
    std::uint32_t max_connections = 0;  // 0 for no limit
    Source source = Source::file;
    bool in_file = false;  // the file names it too, wherever it was registered last
    Override by_hand = Override::automatic;
    std::optional<conf::Endpoint> check_address;  // where not `address` is checked
    std::shared_ptr<PerWorker<ServerCounts>> counts;
    bool online = true;  // as last published
    TimePoint since{};   // of the last change of `online`
    bool down = false;   // its connections were treated so

    // What connections tell; only where the pool has `passive`.
    std::shared_ptr<Trouble> trouble;
    std::optional<health::Passive> passive;
    std::string failed_by;                // why connections took it down; empty if they did not
    std::optional<TimePoint> away_until;  // where no check brings it back

    std::optional<TimePoint> ramps_since;  // of its slow start, while it goes on
    std::uint32_t ramp = ring::full_ramp;  // as last published
};

struct Pool {
    conf::Pool settings;  // but for its servers, which are below
    std::shared_ptr<ring::Balancer> balancer;
    RingFigures figures;
    std::shared_ptr<PerWorker<PoolCounts>> counts;
    std::map<std::string, WantedServer, std::less<>> servers;
    // Servers of the file that were unregistered at run time: a reload does not
    // bring them back while the file names them; registering them does.
    std::set<std::string, std::less<>> unregistered;
    bool panics = false;  // so few are up that their states are ignored
};

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

    // Makes the pools what `config` says. Servers registered at run time stay,
    // unless the file now names them. Returns what changed, a line each.
    std::vector<std::string> apply(const conf::Config& config);

    // Changes at run time. An answer is the reason of a refusal.
    using Refusal = std::optional<std::string>;
    Refusal register_server(std::string_view pool, std::string_view id,
                            const conf::Endpoint& address, std::uint32_t weight);
    Refusal unregister_server(std::string_view pool, std::string_view id);
    Refusal set_override(std::string_view pool, std::string_view id, Override by_hand);

    const std::map<std::string, Pool, std::less<>>& all() const { return pools_; }
    const Pool* find(std::string_view pool) const;

    // What the checks know of a server; nothing where it is not checked.
    std::optional<health::View> health(std::string_view pool, std::string_view id) const;

    // The finer word beside "online" and "offline".
    std::string detail(std::string_view pool, std::string_view id) const;

    // Ends all checks and slow starts.
    void stop();

private:
    void on_health_change(const health::Change& change);
    void on_trouble(const std::string& key);
    void on_alarm();
    void reconcile_soon(const std::string& pool);
    void merge(Pool& pool, const conf::Pool& from_file, std::vector<std::string>& changes);
    void retarget();
    void equip(const std::string& name, Pool& pool);
    void reconcile(const std::string& name, Pool& pool);
    void judge(const std::string& name, Pool& pool);
    void turn(const Pool& pool, WantedServer& server, health::Standing standing) const;
    void remove(const Pool& pool, const WantedServer& server) const;
    void arm();
    bool seems_up(std::string_view pool, std::string_view id, const WantedServer& server) const;

    boost::asio::io_context& io_;
    const std::size_t workers_;
    Events& events_;
    std::map<std::string, Pool, std::less<>> pools_;
    std::set<std::string> dirty_;  // pools to reconcile at the end of this turn
    health::Checker checker_;
    const Connections connections_;
    boost::asio::steady_timer alarm_;  // stands at the next step or return of any server
    bool stopped_ = false;
};

}  // namespace ringway::proxy
