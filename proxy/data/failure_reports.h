// Failed connections of a server, counted by the workers for the passive checks of control.
// A connection that succeeds costs nothing here.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <utility>

#include "health/passive.h"

namespace ringway::proxy {

class FailureReports {
public:
    // `wake` is called by any thread, with the first report since take().
    explicit FailureReports(std::function<void()> wake) : wake_(std::move(wake)) {}

    // Any thread. If there is no memory to wake control, the next report does.
    void report(health::Failure kind) {
        reports_[index(kind)].fetch_add(1, std::memory_order_relaxed);
        if (woken_.exchange(true, std::memory_order_acq_rel)) return;
        try {
            wake_();
        } catch (const std::bad_alloc&) {
            woken_.store(false, std::memory_order_release);
        }
    }

    // Control: the reports of each kind since the last call. The next report wakes again.
    std::array<std::uint32_t, 2> take() {
        woken_.exchange(false, std::memory_order_acq_rel);
        return {reports_[0].exchange(0, std::memory_order_relaxed),
                reports_[1].exchange(0, std::memory_order_relaxed)};
    }

private:
    static std::size_t index(health::Failure kind) { return static_cast<std::size_t>(kind); }

    const std::function<void()> wake_;
    std::array<std::atomic<std::uint32_t>, 2> reports_{};
    std::atomic<bool> woken_{false};
};

}  // namespace ringway::proxy
