#include "proxy/timers.h"

namespace ringway::proxy {

void Timers::set(Timer& timer, TimePoint due) {
    timer.due_ = due;
    if (timer.is_linked() && timer.queued_ <= due) return;
    if (timer.is_linked()) timer.unlink();
    timer.queued_ = due;
    queue_.insert(timer);
    if (due < armed_) arm();
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

// The alarm is set for the earliest place in the queue. A cancelled timer leaves
// it as it is: one idle wake-up is cheaper than a timerfd_settime per connection.
void Timers::arm() {
    if (queue_.empty()) return;
    armed_ = queue_.begin()->queued_;
    alarm_.expires_at(armed_);
    alarm_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        armed_ = TimePoint::max();
        run(Clock::now());
        after_run_();
        if (!queue_.empty() && queue_.begin()->queued_ < armed_) arm();
    });
}

}  // namespace ringway::proxy
