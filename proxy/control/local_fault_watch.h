// Watches whether the connections of one pool fail on this machine, by the counts of its dials
// and what its checks have found, and reports it to the log and the events. health::LocalFaults
// decides. On a given clock. Control thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "conf/config.h"
#include "health/local_fault.h"
#include "proxy/base/clock.h"
#include "proxy/control/events.h"
#include "proxy/data/server.h"

namespace ringway::proxy {

class LocalFaultWatch {
public:
    // What the last checks of the pool's servers have found: how many of them left this
    // machine, and how many found no source address.
    struct Checks {
        std::size_t out = 0;
        std::size_t no_address = 0;
    };

    // The way out has changed, or the pool is back with the counts that it left with: what was
    // counted until now is no sign.
    void forgive(const PerWorker<PoolCounts>& counts);

    // Whether look() needs to know of the checks, which takes a walk over the servers.
    bool asks_for_checks() const {
        return reported_ != health::LocalFault::none || last_no_address_;
    }

    void look(const conf::Pool& pool, const PerWorker<PoolCounts>& counts, Checks checks,
              TimePoint now, Events& events);

    health::LocalFault fault() const { return faults_.fault(); }
    // For people; nothing while there is none.
    std::optional<std::string> cause(const conf::Pool& pool) const;

private:
    health::LocalFaults faults_;
    health::LocalFault reported_ = health::LocalFault::none;
    bool last_no_address_ = false;  // some check found no source address, as last looked at
    std::uint64_t failures_logged_ = 0;
    TimePoint failures_logged_at_{};
};

}  // namespace ringway::proxy
