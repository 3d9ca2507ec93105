// Resets connections one by one, at random, over a time: those of a server that went down or
// was removed, or all that are left at the end of a drain. Worker thread only.
#pragma once

#include <functional>
#include <memory>
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
};

class Evictor final : private Timer {
public:
    using Connections = boost::intrusive::list<Connection>;

    // Begins at once. What it borrows outlives it.
    Evictor(Eviction eviction, Connections& connections, Timers& timers);

    bool is_over() const { return over_; }
    // Whether it ends the connections of `server`; of all where that is nullptr.
    bool is_of(const PerWorker<ServerCounts>* server) const {
        return eviction_.server.get() == server;
    }

private:
    void on_deadline() override { step(); }
    void step();
    void end_dials();

    const Eviction eviction_;
    Connections& connections_;
    Timers& timers_;
    const TimePoint ends_at_;
    bool over_ = false;
    std::minstd_rand random_;
};

}  // namespace ringway::proxy
