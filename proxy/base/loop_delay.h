// How late the timers of an Asio loop fire: shows everything that blocks the loop. Measured five
// times a second, at no measurable cost. Loop's thread, but for delays().
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/base/histogram.h"

namespace ringway::proxy {

class LoopDelay {
public:
    explicit LoopDelay(boost::asio::io_context& io) : timer_(io) {}

    void start();
    // Stops for good, so that the loop can end.
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
