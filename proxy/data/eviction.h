// Resets connections one by one, at random, over a time: those of a server that went down or
// was removed, or all that are left at the end of a drain. Worker thread only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <random>

#include <boost/intrusive/list.hpp>

#include "proxy/base/clock.h"
#include "proxy/data/connection.h"
#include "proxy/data/server.h"
#include "proxy/net/timers.h"

namespace ringway::proxy {

// Which connections end, why, and in how long: at once where `over` is zero.
struct Eviction {
    std::shared_ptr<const PerWorker<ServerCounts>> server;  // nullptr for all, of no server too
    CloseReason reason = CloseReason::none;
    Clock::duration over{};
    // Only those to this address, which the server has left.
    std::optional<conf::Endpoint> address{};

    // Whether both end the same connections.
    bool is_same(const Eviction& other) const {
        return server == other.server && address == other.address;
    }
    // Whether this ends all that the other does.
    bool replaces(const Eviction& other) const {
        return server == other.server && (!address || address == other.address);
    }
};

class Evictor final : private Timer {
public:
    using Connections = boost::intrusive::list<Connection>;

    // Begins at once. What it borrows outlives it.
    Evictor(Eviction eviction, Connections& connections, Timers& timers);

    bool is_over() const { return over_; }
    const Eviction& eviction() const { return eviction_; }

private:
    void on_deadline() override { step(); }
    void step();
    void end_dials();
    bool means(const Connection& connection) const;

    const Eviction eviction_;
    Connections& connections_;
    Timers& timers_;
    const TimePoint ends_at_;
    bool over_ = false;
    std::minstd_rand random_;
};

}  // namespace ringway::proxy
