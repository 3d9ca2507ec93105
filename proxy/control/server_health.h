// What is known of one server, and what follows from it: its checks, the failures of its
// connections, its time-out and its slow start. They meet here and nowhere else. On a given
// clock; the checks themselves are health::Checker's. Control thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "conf/config.h"
#include "health/availability.h"
#include "health/checker.h"
#include "health/condition.h"
#include "health/passive.h"
#include "proxy/base/clock.h"
#include "proxy/control/desired_servers.h"
#include "proxy/data/failure_reports.h"
#include "proxy/data/server.h"
#include "ring/types.h"

namespace ringway::proxy {

// What the servers of all pools share. It outlives them.
struct HealthTools {
    health::Checker& checker;
    // Called on any thread, with the server's name among the checks' targets: failures of its
    // connections wait for take_failure_reports().
    std::function<void(const std::string& target)> reported;
};

// A server's name among the targets of all checks. A pool's name has no slash.
inline std::string health_target(const std::string& pool, const std::string& id) {
    return pool + '/' + id;
}

// How a pool has its servers watched. During a call.
struct HealthWanted {
    const conf::Pool& pool;
    const std::shared_ptr<const TlsClient>& tls;  // of checks; nullptr: in clear
};

class ServerHealth {
public:
    // `target` is its health_target(). One that `ramps` begins a slow start;
    // another is among the first servers of its pool, none of which has more keys to lose.
    ServerHealth(const HealthTools& tools, std::string target, bool ramps, TimePoint now);
    ~ServerHealth();
    ServerHealth(const ServerHealth&) = delete;
    ServerHealth& operator=(const ServerHealth&) = delete;

    // Has the server checked and watched as its pool wants it from `now` on. `is_new`: of
    // whoever is at its address nothing is known.
    void watch(const HealthWanted& wanted, const DesiredServer& desired, bool is_new,
               TimePoint now);
    // Forgets all that is known of it.
    void clear(const HealthWanted& wanted, const DesiredServer& desired, TimePoint now);

    // What the checks know of it; nothing where it is not checked.
    std::optional<health::View> checks() const { return tools_.checker.view(target_); }
    health::Condition condition() const;
    // The same, were the pool's settings `next` from `now` on and the server, which is `current`,
    // `desired`.
    health::Condition condition_after(const conf::Pool& next, const DesiredServer& desired,
                                      const DesiredServer& current, TimePoint now) const;

    // Its checks have found it up, which ends a time-out.
    void on_check_passed(TimePoint now);
    // Takes the failures that its connections have reported. Why it is down, if they take it
    // down; they do not while an administrator has set its state.
    std::optional<std::string> take_failure_reports(const conf::Pool& pool,
                                                    const DesiredServer& desired,
                                                    const PerWorker<ServerCounts>& counts,
                                                    TimePoint now);
    // Ends a time-out whose time is over. Whether that brings the server back.
    bool end_due_time_out(TimePoint now);

    // Takes up its availability, as its pool's servers together have it (RingState).
    void turn(health::Availability availability, bool panics, const conf::Pool& pool,
              TimePoint now);
    // When time alone changes something after `now`; TimePoint::max() for never.
    TimePoint next_change(const conf::Pool& pool, TimePoint now) const;

    bool is_online() const { return is_online_; }  // as last decided, which a ring may not have yet
    bool is_down() const { return is_down_; }      // its connections are treated so
    TimePoint since() const { return since_; }     // of the last change of is_online()
    std::uint32_t ramp() const { return ramp_; }   // of its points, in thousandths; the same
    // What the next turn() would make of it, were the pool's settings these.
    std::uint32_t ramp_at(const conf::Pool& pool, TimePoint now) const;
    // Shared with the workers; nullptr where the pool has no `passive`.
    const std::shared_ptr<FailureReports>& failure_reports() const { return failure_reports_; }

private:
    void watch_connections(const conf::Pool& pool);
    void check(const HealthWanted& wanted, const DesiredServer& desired, bool is_new,
               TimePoint now);
    std::optional<health::TimeOut> time_out() const;

    const HealthTools& tools_;
    const std::string target_;
    std::shared_ptr<FailureReports> failure_reports_;
    std::optional<health::Passive> passive_;
    bool lacks_address_ = false;  // its host has none yet
    bool is_online_ = true;
    bool is_down_ = false;
    TimePoint since_;
    bool came_with_pool_;  // and waits for its first check: it comes without a slow start
    std::optional<TimePoint> ramps_since_;  // of its slow start, while it goes on
    std::uint32_t ramp_ = ring::full_ramp;
};

}  // namespace ringway::proxy
