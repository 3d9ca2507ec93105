// What the workers tell control of a server that fails its clients. A connection that
// goes well does nothing here.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "health/passive.h"

namespace ringway::proxy {

class Trouble {
public:
    // `wake` is called by any thread, with the first report since take().
    explicit Trouble(std::function<void()> wake) : wake_(std::move(wake)) {}

    // Any thread.
    void report(health::Failure kind) {
        reports_[index(kind)].fetch_add(1, std::memory_order_relaxed);
        if (!told_.exchange(true, std::memory_order_acq_rel)) wake_();
    }

    // Control: the reports of each kind since the last call. Nothing that comes later
    // goes without a wake.
    std::array<std::uint32_t, 2> take() {
        told_.exchange(false, std::memory_order_acq_rel);
        return {reports_[0].exchange(0, std::memory_order_relaxed),
                reports_[1].exchange(0, std::memory_order_relaxed)};
    }

private:
    static std::size_t index(health::Failure kind) { return static_cast<std::size_t>(kind); }

    const std::function<void()> wake_;
    std::array<std::atomic<std::uint32_t>, 2> reports_{};
    std::atomic<bool> told_{false};
};

}  // namespace ringway::proxy
