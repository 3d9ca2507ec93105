// What the servers of every pool must be, after any history of configurations, run-time changes,
// checks and failed connections. A second program of the documents (docs/health.md,
// docs/operations.md) and of the contracts in headers, written without the code that it is compared
// with: slow, and worked out anew where it can be. Pure, on a given clock; one thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "conf/config.h"
#include "health/availability.h"
#include "health/passive.h"
#include "proxy/control/overrides.h"

namespace ringway::simulation {

using TimePoint = std::chrono::steady_clock::time_point;

// What the ring and the answers must say of one server.
struct ModelServer {
    enum class Status : std::uint8_t { online, offline, draining };
    conf::Endpoint address;
    std::uint32_t weight = 1;
    std::uint32_t max_connections = 0;
    health::AdminState admin_state = health::AdminState::automatic;
    Status status = Status::online;
    std::uint32_t ramp = 1'000;     // of its points, in thousandths; 1000 while it is not online
    bool ramp_may_be_over = false;  // or it has all its points
    bool runtime = false;           // its source
    bool up = true;                 // by its checks and its connections
    bool awaits_check = false;      // down, and only because its first check has not ended
    bool operator==(const ModelServer&) const = default;
};

class Model {
public:
    using Servers = std::map<std::string, ModelServer>;

    // Whether the rings of `next`, with the overrides, are within ring::Limits.
    bool fits(const conf::Config& next) const;
    // Takes `next`, which fits.
    void reload(const conf::Config& next, TimePoint now);
    // A new process, which has `file` and the overrides and knows nothing of any server.
    void restart(const conf::Config& file, TimePoint now);
    // The same with the overrides that a state file holds.
    void restart(const conf::Config& file, proxy::Overrides kept, TimePoint now);

    // Changes at run time. Whether one is accepted; one that is refused changes nothing.
    struct Registration {
        std::string id;
        conf::Endpoint address;
        std::uint32_t weight = 1;
    };
    // `ring_is_busy`: a ring of the pool is being worked out. What the new servers mean for the
    // others then waits for the next change of the pool, or for rings_are_ready().
    bool register_servers(const std::string& pool, const std::vector<Registration>& servers,
                          TimePoint now, bool ring_is_busy = false);
    void rings_are_ready(TimePoint now);
    bool unregister_server(const std::string& pool, const std::string& id, TimePoint now);
    bool set_weight(const std::string& pool, const std::string& id, std::uint32_t weight,
                    TimePoint now);
    bool set_address(const std::string& pool, const std::string& id, const conf::Endpoint& address,
                     TimePoint now);
    bool set_admin_state(const std::string& pool, const std::string& id,
                         health::AdminState admin_state, TimePoint now);
    bool forget(const std::string& pool, const std::string& id, TimePoint now);
    bool clear(const std::string& pool, const std::string& id, TimePoint now);

    // What is found out of a server; of no effect for one that does not exist, is not checked, or
    // has no passive checks. time_passes(now) comes first.
    //
    // A check has ended. One that could not run on this machine is none.
    void check_ended(const std::string& pool, const std::string& id, bool passed, TimePoint now);
    // Several have ended since the proxy last judged: it judges them together, so that no panic
    // between two of them is seen.
    struct CheckResult {
        std::string pool;
        std::string id;
        bool passed;
    };
    void checks_ended(const std::vector<CheckResult>& results, TimePoint now);
    // Control takes reports of `count` failures from connections to the server's present address.
    void connections_failed(const std::string& pool, const std::string& id, health::Failure kind,
                            std::uint32_t count, TimePoint now);
    // A connection was given to the server (one that is then reset early, too), and has had bytes
    // from it, or none so far.
    void connection_served(const std::string& pool, const std::string& id, bool bytes_from_server);

    // Ends the time-outs whose time is over at `now`, each at its instant.
    void time_passes(TimePoint now);
    // The first instant after `after` at which time alone changes something. The proxy may be 10 ms
    // late with it, and a slow start that such an instant begins is as late in all its steps: a
    // comparison at `now` waits while next_step(now - lateness) <= now.
    static constexpr std::chrono::milliseconds lateness{20};
    std::optional<TimePoint> next_step(TimePoint after) const;

    // All pools of the file as they must be at `now`. time_passes(now) comes first.
    std::map<std::string, Servers> servers(TimePoint now) const;
    bool panics(const std::string& pool) const;
    const proxy::Overrides& overrides() const { return overrides_; }

private:
    // A server that a pool should have, by the file and the overrides.
    struct Wanted {
        conf::Endpoint address;
        conf::Endpoint checked;  // the address that checks go to
        std::uint32_t weight = 1;
        std::uint32_t max_connections = 0;
        health::AdminState admin_state = health::AdminState::automatic;
        bool runtime = false;
    };
    using AllWanted = std::map<std::string, Wanted>;

    // What the checks of a server have found since they began.
    struct Checks {
        bool up = true;
        bool decided = false;      // a check has ended, or failed connections took the server down
        bool awaited = false;      // it is down until its first check
        std::uint32_t passed = 0;  // in a row
        std::uint32_t failed = 0;  // in a row
    };
    // Failed connections in a row.
    struct Row {
        std::uint32_t failures = 0;
        TimePoint last;
    };
    // The last time-out of a server.
    struct TimeOut {
        TimePoint began;
        std::optional<TimePoint> ended;
        std::uint32_t number = 1;  // of those that followed one another, from 1
    };
    // As what a server comes online: with the first servers of its pool, at once or by its first
    // check; as a new server, at once; or back.
    enum class Comes : std::uint8_t { with_pool, as_new, back };
    // What is known of a server that exists.
    struct Known {
        conf::Endpoint address;
        conf::Endpoint checked;
        std::optional<Checks> checks;
        std::array<Row, 2> rows;  // by health::Failure
        std::optional<TimeOut> time_out;
        bool online = false;
        Comes comes = Comes::back;
        std::optional<TimePoint> ramps_since;
        bool ramp_may_be_over = false;  // a file came in the moment in which it ended

        bool is_timed_out() const { return time_out && !time_out->ended; }
        bool is_up() const { return checks ? checks->up : !is_timed_out(); }
        bool awaits_check() const { return checks && checks->awaited; }
    };
    struct Pool {
        conf::Pool file;
        std::map<std::string, Known> known;
        bool panics = false;
        bool waits_for_ring = false;  // to be judged
    };

    enum class Judged : std::uint8_t { all, who_is_new };

    static AllWanted all_wanted(const conf::Pool& file, const proxy::PoolOverrides& overrides);
    static bool fits(const conf::Pool& file, const proxy::PoolOverrides& overrides);
    static proxy::PoolOverrides settled(const conf::Pool& file, proxy::PoolOverrides overrides);
    static conf::Duration length(const TimeOut& time_out, const conf::PassiveSettings& settings);
    static std::uint32_t ramp(const Known& known, const conf::Pool& file, TimePoint now);
    static void end_slow_start(Known& known, const conf::Pool& file, TimePoint now);
    static Checks new_checks(const Known& known, const conf::Pool& file, bool is_new);

    proxy::PoolOverrides overrides_of(const std::string& pool) const;
    AllWanted all_wanted(const std::string& pool) const;
    Known* find(const std::string& pool, const std::string& id);
    bool replace(const std::string& pool, const proxy::PoolOverrides& next, TimePoint now,
                 Judged judged = Judged::all);
    void put(const std::string& pool, proxy::PoolOverrides next);
    void take_file(const conf::Pool& next, TimePoint now);
    void adapt(const std::string& pool, TimePoint now, Judged judged = Judged::all);
    bool take_check(const std::string& pool, const std::string& id, bool passed, TimePoint now);
    void judge(const std::string& pool, TimePoint now);
    void judge_panic(const std::string& pool);
    void judge_servers(const std::string& pool, TimePoint now, Judged judged);

    std::map<std::string, Pool> pools_;
    proxy::Overrides overrides_;
    TimePoint touched_;  // the last change; what it makes overdue is due then
};

}  // namespace ringway::simulation
