// The listeners that are open, and their change in two steps: first everything
// that can fail, then everything else. Control thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "conf/config.h"
#include "proxy/fd.h"
#include "proxy/pools.h"
#include "proxy/route.h"
#include "proxy/worker.h"

namespace ringway::proxy {

// What counts a listener's connections. Outlives the listener for as long as they live:
// one that comes back, or gets another name, finds them counted.
struct ListenerLedger {
    std::shared_ptr<PerWorker<ListenerCounts>> counts;
    std::shared_ptr<Quota> quota;
};

struct Listener {
    conf::Listener settings;
    std::shared_ptr<PerWorker<ListenerCounts>> counts;
    std::shared_ptr<Quota> quota;
};

// New sockets by the address they listen on, one per worker.
using OpenedSockets = std::map<std::string, std::vector<Fd>>;

class Listeners {
public:
    explicit Listeners(std::vector<std::unique_ptr<Worker>>& workers) : workers_(workers) {}

    // Opens what `config` listens on and is not open yet. Fills `refusal` and
    // leaves nothing open where one cannot be had.
    OpenedSockets open(const conf::Config& config, std::optional<std::string>& refusal) const;

    // Has the workers listen as `config` says, on `opened` and what was open
    // before, with pools as they are now.
    void apply(const conf::Config& config, OpenedSockets opened, const Pools& pools);

    // Has nobody come through unix sockets any more, before they are closed.
    void remove_socket_files() const;

    const std::map<std::string, Listener>& all() const { return listeners_; }

private:
    bool port_is_ours(std::uint16_t port) const;
    ListenerLedger ledger_of(const conf::Listener& next, const conf::Config& config) const;

    std::vector<std::unique_ptr<Worker>>& workers_;
    std::map<std::string, Listener> listeners_;   // by name
    std::map<std::string, ListenerLedger> left_;  // of listeners that left, by name
    // Ports that were given up, for as long as a worker has yet to close its socket.
    std::multimap<std::uint16_t, std::weak_ptr<void>> closing_;
};

}  // namespace ringway::proxy
