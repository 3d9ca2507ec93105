// Active checks of servers: the I/O around health::State (health/state.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "conf/config.h"

namespace ringway::health {

using Clock = std::chrono::steady_clock;

// One server to check. `key` names it among all targets ("pool/id").
struct Target {
    std::string key;
    conf::Endpoint address;
    conf::HealthSettings settings;
    bool operator==(const Target&) const = default;
};

// What is known of a target.
struct View {
    bool up = true;                 // an unchecked server counts as up
    bool checked = false;           // a probe has ended
    Clock::time_point since{};      // of the last change of `up`, or of the start
    Clock::time_point last_probe{};  // when the last probe ended
    std::uint32_t successes = 0;    // in a row
    std::uint32_t failures = 0;     // in a row
    std::string last_result;        // "ok", "refused", "timeout", ... ; empty before the first
};

// A target went up or down. `reason` is for people: "connect: Connection refused, 3 in a row".
struct Change {
    std::string key;
    bool up;
    std::string reason;
};

// Probes every target on its interval, starts spread over that interval. Lives on
// one io_context: every call, and the callback, on its thread.
class Checker {
public:
    using OnChange = std::function<void(const Change&)>;

    Checker(boost::asio::io_context& io, OnChange on_change);
    ~Checker();
    Checker(const Checker&) = delete;
    Checker& operator=(const Checker&) = delete;

    // Replaces the set of targets. What is known of a target survives while its
    // key and address stay, whatever happens to its settings.
    void set_targets(std::vector<Target> targets);

    // Nothing for a key that is not a target.
    std::optional<View> view(const std::string& key) const;

    // Ends all probing.
    void stop();
};

}  // namespace ringway::health
