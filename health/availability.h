// The availability of a server, from its condition and its admin state: whether it takes new
// connections, and whether it counts as down. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringway::health {

// The state that an administrator has set; it overrides the checks.
enum class AdminState : std::uint8_t { automatic, online, offline, drain };

inline const char* to_string(AdminState admin_state) {
    switch (admin_state) {
        case AdminState::automatic:
            return "auto";
        case AdminState::online:
            return "online";
        case AdminState::offline:
            return "offline";
        case AdminState::drain:
            return "drain";
    }
    return "unknown";
}

struct Availability {
    bool online;  // takes new connections
    bool down;    // does not serve: a drained server is offline, but not down
    bool operator==(const Availability&) const = default;
};

// `seems_up`: by its checks and its connections; ignored in a panic.
inline Availability availability_of(bool seems_up, AdminState admin_state, bool panics) {
    const bool up = seems_up || panics;
    switch (admin_state) {
        case AdminState::automatic:
            return {up, !up};
        case AdminState::online:
            return {true, false};
        case AdminState::offline:
            return {false, true};
        case AdminState::drain:
            return {false, !up};
    }
    return {false, true};
}

// Whether so few servers are up that the checks' results are to be ignored. Counts the servers with
// a weight and without an admin state. `threshold` is a share; 0: never.
inline bool panics(std::size_t up, std::size_t all, double threshold) {
    if (all == 0) return false;
    // Divided, as the share was written: 0.28 * 25 is more than 7.
    return static_cast<double>(up) / static_cast<double>(all) < threshold;
}

}  // namespace ringway::health
