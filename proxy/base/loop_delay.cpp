#include "proxy/base/loop_delay.h"

#include <chrono>

namespace ringway::proxy {

namespace {

constexpr std::chrono::milliseconds interval{200};

}  // namespace

void LoopDelay::start() {
    timer_.expires_after(interval);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error || stopped_) return;  // its handler may have been queued when it was stopped
        delays_.observe(Clock::now() - timer_.expiry());
        start();
    });
}

}  // namespace ringway::proxy
