// The one clock of the load generator: steady, so that a step of the wall clock
// is never taken for a latency.
#pragma once

#include <chrono>

namespace ringway::loadgen {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

}  // namespace ringway::loadgen
