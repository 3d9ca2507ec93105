// The condition of a server: up or down, and why, from its active and its passive checks. Pure
// functions; any thread.
#pragma once

#include <optional>
#include <string>

#include "health/checker.h"
#include "health/passive.h"

namespace ringway::health {

struct Condition {
    bool up;
    bool awaits_check;   // down, and only because its first check has not ended
    std::string reason;  // "refused", "connections failed"; of one that is up, "checked ok" or so
};

// Active checks decide where there are any: if they are added during a time-out, the caller takes
// the server down so that they bring it back. Without active checks the time-out decides.
inline Condition condition_of(const std::optional<View>& checks,
                              const std::optional<TimeOut>& time_out) {
    if (checks && !checks->up) return {false, checks->awaited, checks->reason};
    if (checks) return {true, false, checks->checked ? "checked ok" : "not checked yet"};
    if (time_out) return {false, false, to_string(time_out->reason)};
    return {true, false, "not checked"};
}

}  // namespace ringway::health
