#include "proxy/net/timers.h"

#include <chrono>
#include <cstdint>
#include <ratio>

namespace ringway::proxy {

namespace {

using grid = std::ratio<1, 125>;  // seconds: deadlines are met up to 8 ms late

}  // namespace

void Timers::set(Timer& timer, TimePoint due) noexcept {
    timer.due_ = due;
    if (timer.is_linked() && timer.queued_ <= due) return;
    if (timer.is_linked()) timer.unlink();
    timer.queued_ = due;
    queue_.insert(timer);
    arm(due);
}

void Timers::cancel(Timer& timer) {
    if (timer.is_linked()) timer.unlink();
}

void Timers::stop() {
    queue_.clear();
    alarm_.cancel();
}

void Timers::run(TimePoint now) {
    while (!queue_.empty() && queue_.begin()->queued_ <= now) {
        Timer& timer = *queue_.begin();
        timer.unlink();
        if (timer.due_ > now) {
            timer.queued_ = timer.due_;
            queue_.insert(timer);
        } else {
            timer.on_deadline();
        }
    }
}

// The alarm is set for the earliest place in the queue, on a coarse grid: deadlines
// that are close together share a wake-up. A cancelled timer leaves the alarm as it
// is: one idle wake-up is cheaper than a timerfd_settime per connection.
void Timers::arm(TimePoint due) {
    const TimePoint at = std::chrono::ceil<std::chrono::duration<std::int64_t, grid>>(due);
    if (at >= armed_) return;
    armed_ = at;
    alarm_.expires_at(at);
    alarm_.async_wait(in_memory(memory_, [this](const boost::system::error_code& error) {
        if (error) return;
        armed_ = TimePoint::max();
        run(Clock::now());
        after_run_();
        if (!queue_.empty()) arm(queue_.begin()->queued_);
    }));
}

}  // namespace ringway::proxy
