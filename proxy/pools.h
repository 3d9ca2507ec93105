// What the pools should be, and the one path that makes the rings so: the file,
// the admin socket and the health checks each change what is wanted, and
// reconcile() publishes the difference. Control thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "conf/config.h"
#include "health/checker.h"
#include "proxy/clock.h"
#include "proxy/server.h"
#include "ring/balancer.h"

namespace ringway::proxy {

// One server as it is wanted, wherever that was said.
struct WantedServer {
    enum class Source { file, runtime };

    conf::Endpoint address;
    std::uint32_t weight = 1;
    std::uint32_t max_connections = 0;  // 0 for no limit
    Source source = Source::file;
    bool in_file = false;  // the file names it too, wherever it was registered last
    bool draining = false;
    std::shared_ptr<PerWorker<ServerCounts>> counts;
    bool online = true;  // as last published
    TimePoint since{};   // of the last change of `online`
};

struct Pool {
    conf::Pool settings;  // but for its servers, which are below
    std::shared_ptr<ring::Balancer> balancer;
    std::map<std::string, WantedServer, std::less<>> servers;
    // Servers of the file that were unregistered at run time: a reload does not
    // bring them back while the file names them; registering them does.
    std::set<std::string, std::less<>> unregistered;
};

class Pools {
public:
    Pools(boost::asio::io_context& io, std::size_t workers);

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
    Refusal set_draining(std::string_view pool, std::string_view id, bool draining);

    const std::map<std::string, Pool, std::less<>>& all() const { return pools_; }
    const Pool* find(std::string_view pool) const;

    // What the checks know of a server; nothing where it is not checked.
    std::optional<health::View> health(std::string_view pool, std::string_view id) const;

    // The finer word beside "online" and "offline".
    std::string detail(std::string_view pool, std::string_view id) const;

    // Ends all checks.
    void stop() { checker_.stop(); }

private:
    void on_health_change(const health::Change& change);
    void merge(Pool& pool, const conf::Pool& from_file, std::vector<std::string>& changes);
    void retarget();
    void reconcile(const std::string& name, Pool& pool);
    bool is_online(const std::string& pool, const std::string& id,
                   const WantedServer& server) const;

    boost::asio::io_context& io_;
    const std::size_t workers_;
    std::map<std::string, Pool, std::less<>> pools_;
    std::set<std::string> dirty_;  // pools to reconcile at the end of this turn
    health::Checker checker_;
};

}  // namespace ringway::proxy
