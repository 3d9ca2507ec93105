// Thousands of deadlines on one Asio timer. Pushing a deadline back, which a connection does with
// every byte, is one store: the entry is put in its new place only when its old time comes. One
// thread.
#pragma once

#include <functional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/set.hpp>

#include "proxy/base/clock.h"
#include "proxy/base/handler_memory.h"

namespace ringway::proxy {

// Something with a deadline. Unlinks itself when destroyed.
class Timer : public boost::intrusive::set_base_hook<
                  boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
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
    // `after_run` runs after the alarm has called what was due.
    Timers(boost::asio::io_context& io, std::function<void()> after_run)
        : memory_(HandlerMemory::of(io)), alarm_(io), after_run_(std::move(after_run)) {}
    Timers(const Timers&) = delete;
    Timers& operator=(const Timers&) = delete;

    // Sets or moves a deadline. O(1) when it moves back, else O(log timers).
    // Ends the process if the alarm finds no memory, as every deadline would be lost.
    void set(Timer& timer, TimePoint due) noexcept;
    void cancel(Timer& timer);

    // Forgets every timer and the alarm.
    void stop();

    // Calls on_deadline of every timer that is due at `now`.
    void run(TimePoint now);

private:
    using Queue = boost::intrusive::multiset<Timer, boost::intrusive::constant_time_size<false>>;

    void arm(TimePoint due);

    Queue queue_;
    HandlerMemory& memory_;
    boost::asio::steady_timer alarm_;
    const std::function<void()> after_run_;
    TimePoint armed_ = TimePoint::max();
};

}  // namespace ringway::proxy
