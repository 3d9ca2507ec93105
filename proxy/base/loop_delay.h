// How late a loop's timers fire: whatever keeps the loop from turning shows here. Looks
// five times a second, which costs nothing that could be measured. Loop's thread, but
// for delays().
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/base/histogram.h"

namespace ringway::proxy {

class LoopDelay {
public:
    explicit LoopDelay(boost::asio::io_context& io) : timer_(io) {}

    void start();
    // For good: the loop may end.
    void stop() {
        stopped_ = true;
        timer_.cancel();
    }

    // Any thread.
    const Histogram<delay_bounds_us>& delays() const { return delays_; }

private:
    boost::asio::steady_timer timer_;
    Histogram<delay_bounds_us> delays_;
    bool stopped_ = false;
};

}  // namespace ringway::proxy
