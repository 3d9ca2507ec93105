// Counters of worker threads, without contention.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace ringway::proxy {

// Written by one worker only, read by any thread: a store needs no locked instruction, a sum over
// workers may be slightly out of date.
class Counter {
public:
    void add(std::uint64_t n) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void subtract(std::uint64_t n) { add(0 - n); }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

// The counts of every worker; each worker writes its own element.
template <class Counts>
using PerWorker = std::vector<Counts>;

template <class Counts>
std::uint64_t sum(const PerWorker<Counts>& all, Counter Counts::*field) {
    std::uint64_t total = 0;
    for (const Counts& counts : all) total += (counts.*field).value();
    return total;
}

}  // namespace ringway::proxy
