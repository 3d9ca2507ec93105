#include "health/passive.h"

#include <algorithm>

namespace ringway::health {

const char* to_string(Failure kind) {
    return kind == Failure::connect ? "connections failed" : "early resets";
}

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
    const bool again = had_one_ && now - returned_at_ < length();
    doublings_ = again ? doublings_ + 1 : 0;
    in_time_out_ = had_one_ = true;
    reason_ = kind;
    began_at_ = now;
    return true;
}

std::optional<TimeOut> Passive::time_out() const {
    if (!in_time_out_) return std::nullopt;
    return TimeOut{reason_, began_at_, began_at_ + length()};
}

void Passive::end_time_out(Clock::time_point now) {
    if (!in_time_out_) return;
    in_time_out_ = false;
    returned_at_ = now;
}

Clock::duration Passive::length() const {
    const Clock::duration longest = std::max(settings_.retry_max, settings_.retry);
    Clock::duration grown = settings_.retry;
    for (std::uint32_t i = 0; i < doublings_ && grown < longest; ++i) grown *= 2;
    return std::min(grown, longest);
}

}  // namespace ringway::health
