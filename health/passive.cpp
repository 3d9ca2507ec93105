#include "health/passive.h"

#include <algorithm>

namespace ringway::health {

bool Passive::on_failures(Failure kind, std::uint32_t count, std::uint64_t successes,
                          Clock::time_point now) {
    if (kind == Failure::early_reset && !settings_.early_resets) return false;
    Row& row = rows_[static_cast<std::size_t>(kind)];
    if (row.successes != successes || now - row.last > settings_.within) row.failures = 0;
    row.failures += std::min(count, settings_.failures);
    row.successes = successes;
    row.last = now;
    if (row.failures < settings_.failures) return false;
    rows_ = {};
    return true;
}

Clock::duration Passive::time_out(Clock::time_point now) {
    const bool again = time_out_ > Clock::duration::zero() && now - returned_at_ < time_out_;
    time_out_ =
        again ? std::min<Clock::duration>(time_out_ * 2, settings_.retry_max) : settings_.retry;
    returned_at_ = now + time_out_;
    return time_out_;
}

}  // namespace ringway::health
