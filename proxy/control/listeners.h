// The listeners that are open, and their change in two steps: first everything
// that can fail, then everything else. Control thread only.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "conf/config.h"
#include "conf/result.h"
#include "proxy/control/config_file.h"
#include "proxy/control/pools.h"
#include "proxy/data/intake.h"
#include "proxy/data/worker.h"
#include "proxy/net/listen_sockets.h"

namespace ringway::proxy {

// What counts a listener's connections. Outlives the listener for as long as they live:
// one that comes back, or gets another name, finds them counted.
struct ListenerLedger {
    std::shared_ptr<PerWorker<ListenerCounts>> counts;
    std::shared_ptr<Quota> quota;
};

struct Listener {
    conf::Listener settings;
    std::shared_ptr<const TlsServer> tls;  // nullptr if it does not end TLS
    std::shared_ptr<PerWorker<ListenerCounts>> counts;
    std::shared_ptr<Quota> quota;
};

// New sockets by the address they listen on, one per worker.
using OpenedSockets = std::map<std::string, ListenSockets>;

// By pool.
using PoolRings = std::map<std::string, std::shared_ptr<PoolRing>>;

class Listeners {
public:
    explicit Listeners(std::vector<std::unique_ptr<Worker>>& workers) : workers_(workers) {}

    // Opens what `config` listens on and is not open yet. Leaves nothing behind where one cannot
    // be had. What is not given to apply() is closed.
    Result<OpenedSockets> open(const conf::Config& config) const;

    // Has the workers listen as `config` says, on `opened` and what was open
    // before, with pools as they are now.
    void apply(const conf::Config& config, OpenedSockets opened, const Pools& pools,
               const TlsServers& tls);

    // Has nobody come through unix sockets any more, before they are closed.
    void remove_socket_files();

    const std::map<std::string, Listener>& all() const { return listeners_; }

private:
    // An address that workers listen on.
    struct Open {
        conf::Endpoint address;
        std::vector<ino_t> inodes;
        SocketFile file;           // of a unix socket
        std::weak_ptr<void> left;  // of one given up: lives until all workers have closed it
    };

    // Listeners whose names leave, by their addresses.
    using Leaving = std::map<std::string, const Listener*>;

    void listen(const conf::Endpoint& where, OpenedSockets& opened,
                const std::shared_ptr<const Intake>& intake);
    ListenerLedger ledger_of(const conf::Listener& next, const Leaving& leaving) const;
    Result<void> check_address(const conf::Endpoint& address) const;

    std::vector<std::unique_ptr<Worker>>& workers_;
    std::map<std::string, Listener> listeners_;   // by name
    std::map<std::string, ListenerLedger> left_;  // of listeners that left, by name
    std::map<std::string, Open> open_;            // by address
    std::vector<Open> closing_;
    PoolRings rings_;  // that routes lead to
};

}  // namespace ringway::proxy
