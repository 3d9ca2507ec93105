// Durations counted in buckets. A Histogram is written by one thread and read by any: no lock, no
// allocation, no locked instruction. Times are in microseconds.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/counter.h"

namespace ringway::proxy {

// The upper bounds of the buckets, rising; the last bucket has none.
inline constexpr std::array<std::uint64_t, 15> connect_bounds_us{
    100,    250,     500,     1'000,   2'500,     5'000,     10'000,   25'000,
    50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000};
inline constexpr std::array<std::uint64_t, 11> session_bounds_us{
    1'000,       10'000,        100'000,        1'000'000,      10'000'000,     60'000'000,
    600'000'000, 3'600'000'000, 21'600'000'000, 86'400'000'000, 604'800'000'000};
inline constexpr std::array<std::uint64_t, 11> delay_bounds_us{
    500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 1'000'000, 5'000'000};

template <const auto& bounds_us>
class Histogram {
public:
    static constexpr std::size_t buckets = bounds_us.size() + 1;

    // A time counts in the first bucket whose bound is not less.
    void observe(Clock::duration time) {
        const auto us = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
        const auto length_us = static_cast<std::uint64_t>(std::max<std::int64_t>(us, 0));
        const auto* const bound = std::lower_bound(bounds_us.begin(), bounds_us.end(), length_us);
        counts_[static_cast<std::size_t>(bound - bounds_us.begin())].add(1);
        sum_us_.add(length_us);
    }

    std::uint64_t count(std::size_t bucket) const { return counts_[bucket].value(); }
    std::uint64_t sum_us() const { return sum_us_.value(); }

private:
    std::array<Counter, buckets> counts_;
    Counter sum_us_;
};

// The sum of histograms with the same bounds.
struct Distribution {
    std::span<const std::uint64_t> bounds_us;
    std::vector<std::uint64_t> counts;  // one more than bounds
    std::uint64_t sum_us = 0;

    template <const auto& bounds>
    void add(const Histogram<bounds>& histogram) {
        bounds_us = bounds;
        counts.resize(histogram.buckets);
        for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += histogram.count(i);
        sum_us += histogram.sum_us();
    }
};

}  // namespace ringway::proxy
