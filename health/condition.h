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
    std::string
        reason;  // "refused", "connections failed"; where it is up, "checked ok" or the like
};

// Where there are checks they decide: whoever adds them during a time-out takes the server
// down by it, so that they bring it back. Where there are none a time-out does.
inline Condition condition_of(const std::optional<View>& checks,
                              const std::optional<TimeOut>& time_out) {
    if (checks && !checks->up) return {false, checks->reason};
    if (checks) return {true, checks->checked ? "checked ok" : "not checked yet"};
    if (time_out) return {false, to_string(time_out->reason)};
    return {true, "not checked"};
}

}  // namespace ringway::health
