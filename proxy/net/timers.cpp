#include "proxy/net/timers.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ratio>

namespace ringway::proxy {

TimePoint Timers::on_grid(TimePoint due) {
    using Grid = std::chrono::duration<std::int64_t, std::ratio<1, 125>>;
    return std::chrono::ceil<Grid>(due);
}

void Timers::set(Timer& timer, TimePoint due) {
    timer.due_ = due;
    if (timer.is_linked() && timer.queued_ <= due) return;
    if (timer.is_linked()) timer.unlink();
    timer.queued_ = due;
    queue_.insert(timer);
    if (due < next_) next_ = on_grid(due);
}

void Timers::cancel(Timer& timer) {
    if (timer.is_linked()) timer.unlink();
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
    next_ = queue_.empty() ? TimePoint::max() : on_grid(queue_.begin()->queued_);
}

}  // namespace ringway::proxy
