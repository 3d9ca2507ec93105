// What follows from all that is known of a server and was said of it: whether it takes
// keys, and whether its connections are those of a server that is down. Pure functions;
// any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringway::health {

// What somebody said of a server by hand, over what is known of it.
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

// `seems_up` by its checks and its connections; in a panic that does not count.
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

// Whether so few are up, of servers that are to take keys and of which nothing was said by
// hand, that what is known of them is not to be believed. `threshold` is a share, 0 for
// never.
inline bool panics(std::size_t up, std::size_t all, double threshold) {
    return static_cast<double>(up) < threshold * static_cast<double>(all);
}

}  // namespace ringway::health
