// The one clock of the proxy: steady, so that a change of the wall clock fires
// no timer early or late.
#pragma once

#include <chrono>

namespace ringway::proxy {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

}  // namespace ringway::proxy
