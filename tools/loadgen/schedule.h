// When operations are due, at a fixed rate, independent of the other end: the open loop. A latency
// counted from that time, not from the time at which the operation could be begun, holds the wait
// that a stall causes for everybody behind it. Counting from the actual begin leaves that out,
// which Gil Tene named coordinated omission ("How NOT to Measure Latency"). Pure; one thread.
#pragma once

#include <cstdint>

#include "tools/loadgen/clock.h"

namespace ringway::loadgen {

class Schedule {
public:
    // `per_second` > 0. The first operation is due at `begin`.
    Schedule(double per_second, TimePoint begin) : per_second_(per_second), begin_(begin) {}

    // When the next operation is due.
    TimePoint next() const {
        const std::chrono::duration<double> after(static_cast<double>(taken_) / per_second_);
        return begin_ + std::chrono::duration_cast<Duration>(after);
    }

    // Takes the next one and returns its time.
    TimePoint take() {
        const TimePoint due = next();
        ++taken_;
        return due;
    }

private:
    double per_second_;
    TimePoint begin_;
    std::uint64_t taken_ = 0;
};

}  // namespace ringway::loadgen
