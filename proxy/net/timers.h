// Thousands of deadlines. Pushing one back, which a connection does with every byte, is one store:
// the entry is put in its new place only when its old time comes. One thread.
#pragma once

#include <boost/intrusive/set.hpp>

#include "proxy/base/clock.h"

namespace ringway::proxy {

// Something with a deadline. Unlinks itself when destroyed.
class Timer : public boost::intrusive::set_base_hook<
                  boost::intrusive::link_mode<boost::intrusive::auto_unlink>,
                  boost::intrusive::optimize_size<true>> {
public:
    // Its deadline has passed; it is no longer set.
    virtual void on_deadline() = 0;

    friend bool operator<(const Timer& a, const Timer& b) { return a.queued_ < b.queued_; }

protected:
    virtual ~Timer() = default;

private:
    friend class Timers;
    TimePoint queued_{};  // its place in the queue: never after due_
    TimePoint due_{};
};

class Timers {
public:
    Timers() = default;
    Timers(const Timers&) = delete;
    Timers& operator=(const Timers&) = delete;

    // Sets or moves a deadline. O(1) when it moves back, else O(log timers).
    void set(Timer& timer, TimePoint due);
    void cancel(Timer& timer);

    // When run() is to be called next, on a coarse grid: deadlines that are close together share a
    // wake-up. TimePoint::max() without timers. After a cancel it may be earlier than needed: one
    // idle wake-up is cheaper than a look for the next deadline.
    TimePoint next() const { return next_; }
    // The first moment of the grid that is not before `due`; deadlines are met then, up to 8 ms
    // late.
    static TimePoint on_grid(TimePoint due);

    // Calls on_deadline of every timer that is due at `now`.
    void run(TimePoint now);

private:
    using Queue = boost::intrusive::multiset<Timer, boost::intrusive::constant_time_size<false>>;

    Queue queue_;
    TimePoint next_ = TimePoint::max();
};

}  // namespace ringway::proxy
