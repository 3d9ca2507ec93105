// Active checks of servers: the I/O around health::State (health/state.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "conf/config.h"
#include "health/local_fault.h"
#include "health/schedule.h"
#include "health/target.h"

namespace ringway::health {

// What is known of a target.
struct View {
    bool up = true;                  // an unchecked server counts as up, unless it starts down
    bool awaited = false;            // down, and only because no probe has ended yet
    bool checked = false;            // a probe has ended
    Clock::time_point since{};       // of the last change of `up`, or of the start
    Clock::time_point last_probe{};  // when the last probe ended
    std::uint32_t successes = 0;     // in a row
    std::uint32_t failures = 0;      // in a row
    std::uint64_t not_run = 0;       // probes that failed for local reasons; they change nothing
    std::string not_run_why;         // the last probe's, for people; empty if it ran
    LocalFault not_run_by = LocalFault::none;  // the same
    std::uint64_t all_passed = 0;              // probes ever
    std::uint64_t all_failed = 0;              // the same
    Clock::duration last_took{};               // of the last probe: until its answer or its timeout
    std::string last_result;  // "ok", "refused", "timeout", ... ; empty before the first
    std::string reason;       // why it is down; empty while it is up
};

// A target went up or down, or was awaited and its first check failed. `reason` is for people:
// "connect: Connection refused, 3 in a row".
struct HealthChange {
    std::string key;
    bool up;
    std::string reason;
};

// A check that has ended.
struct Checked {
    const Target& target;
    const std::string& result;  // as in View
    const std::string& detail;  // for people; may be empty
    Clock::duration took;
};

// Enough to check 1,000 servers every 2 s with a timeout of 1.5 s while none of
// them answers; few enough to leave descriptors for clients.
inline constexpr std::size_t max_probes_at_once = 800;

// Probes every target on its interval, starts spread over that interval
// (health/schedule.h); the first result of a target decides at once. A probe
// that cannot run for local reasons changes nothing but View::not_run. Lives on
// one io_context: every call, and the callback, on its thread.
class Checker {
public:
    // Called from the io_context, never from within a call on the Checker; it
    // may call back, and may destroy the Checker.
    using OnChange = std::function<void(const HealthChange&)>;

    // Probes beyond `max_probes` wait for one to end.
    Checker(boost::asio::io_context& io, OnChange on_change,
            std::size_t max_probes = max_probes_at_once);
    ~Checker();
    Checker(const Checker&) = delete;
    Checker& operator=(const Checker&) = delete;

    // Replaces the set of targets; their keys are distinct. What is known of a target survives
    // while its key and address stay, whatever happens to its settings. A target that is new, or
    // has a new address, is unchecked and counts as up, or as down if `starts_down`; this is not
    // reported as a change.
    void set_targets(std::vector<Target> targets);

    // The same for one target: added, or changed. Free if it is unchanged.
    void set_target(Target target);
    void remove_target(const std::string& key);

    // Nothing for a key that is not a target.
    std::optional<View> view(const std::string& key) const;

    // Takes the target down for `reason`, found by something other than probes. It stays down until
    // probes bring it back, the first of them soon. This is not reported as a change. False if it
    // is down already or not a target.
    bool take_down(const std::string& key, std::string_view reason = {});

    // `on_check` is called for every check that ends, whether or not it changes anything. It must
    // not call back.
    void observe(std::function<void(const Checked&)> on_check);

    // Probes of all targets ever that could not run for local reasons.
    std::uint64_t not_run() const;

    // Ends all probing for good; views stay readable.
    void stop();

private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace ringway::health
