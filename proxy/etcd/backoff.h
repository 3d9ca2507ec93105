// Pauses between attempts that fail. Pure; any thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>

namespace ringway::proxy {

// Before another attempt after `failures` of them, at least 1: from `first` on twice the last, with
// up to half of it taken away at random, so that those who lost the same peer do not come back
// together.
template <class Random>
std::chrono::milliseconds backoff(std::size_t failures, std::chrono::milliseconds first,
                                  std::chrono::milliseconds most, Random& random) {
    const std::size_t doublings = std::min<std::size_t>(failures - 1, 20);
    const std::int64_t whole = std::min<std::int64_t>(first.count() << doublings, most.count());
    std::uniform_int_distribution<std::int64_t> part(whole / 2, whole);
    return std::chrono::milliseconds(part(random));
}

}  // namespace ringway::proxy
