// Whether a server is up, by its checks and by how clients' connections to it end, and why:
// the one answer, and its reason beside it. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>

#include "health/checker.h"
#include "health/passive.h"

namespace ringway::health {

struct Condition {
    bool up;
    bool awaits_check;   // down, and only because its first check has yet to end
    std::string reason;  // "refused", "connections failed"; of one that is up, "checked ok" or so
};

// Where there are checks they decide: whoever adds them during a time-out takes the server
// down by it, so that they bring it back. Where there are none a time-out does.
inline Condition condition_of(const std::optional<View>& checks,
                              const std::optional<TimeOut>& time_out) {
    if (checks && !checks->up) return {false, checks->awaited, checks->reason};
    if (checks) return {true, false, checks->checked ? "checked ok" : "not checked yet"};
    if (time_out) return {false, false, to_string(time_out->reason)};
    return {true, false, "not checked"};
}

}  // namespace ringway::health
