// Waiting for what another thread or the kernel is about to do. Any thread.
#pragma once

#include <chrono>
#include <thread>

namespace ringway::test {

using namespace std::chrono_literals;

// For what must happen, but whose speed is not the question.
inline constexpr std::chrono::seconds patience{30};

// Looks every millisecond until `holds()`; false where it does not within `limit`.
template <class Predicate>
bool eventually(Predicate holds, std::chrono::steady_clock::duration limit = patience) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!holds()) {
        if (std::chrono::steady_clock::now() >= deadline) return holds();
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

}  // namespace ringway::test
