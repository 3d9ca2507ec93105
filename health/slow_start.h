// Slow start: the part of its points that a server has after it was added or returned. Steps of
// equal size at equal times, the first at once, the last a step before the end. Pure functions; any
// thread.
#pragma once

#include <chrono>
#include <cstdint>

#include "health/schedule.h"

namespace ringway::health {

inline constexpr std::uint32_t slow_start_steps = 20;
inline constexpr std::uint32_t full_ramp = 1'000;
static_assert(full_ramp % slow_start_steps == 0);

// Thousandths of the points after `elapsed` of a slow start that takes `over`, which is
// longer than zero.
inline std::uint32_t ramp_after(Clock::duration elapsed, Clock::duration over) {
    if (elapsed >= over) return full_ramp;
    if (elapsed < Clock::duration::zero()) elapsed = {};
    const auto steps = static_cast<std::uint32_t>(elapsed * slow_start_steps / over) + 1;
    return steps * (full_ramp / slow_start_steps);
}

// How long from its beginning until the first step after `elapsed`.
inline Clock::duration step_after(Clock::duration elapsed, Clock::duration over) {
    const auto steps = elapsed * slow_start_steps / over + 1;
    // Rounded up, so that the step has come by then.
    return (over * steps + Clock::duration(slow_start_steps - 1)) / slow_start_steps;
}

}  // namespace ringway::health
