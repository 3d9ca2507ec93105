// How much of a round a worker's TLS handshakes may take: a storm of new clients must not delay
// those that are relayed. Pure. One thread.
#pragma once

#include <chrono>
#include <cstdint>

#include "proxy/base/clock.h"

namespace ringway::proxy {

class HandshakeTurns {
public:
    // A few handshakes with ECDSA keys. The one that begins before the time is over goes on to its
    // end.
    static constexpr std::chrono::microseconds longest_in_round{500};

    // Whether one may go on in this round.
    bool may_go_on(std::uint64_t round) {
        if (round != round_) {
            round_ = round;
            spent_ = {};
        }
        return spent_ < longest_in_round;
    }
    void spend(Clock::duration time) { spent_ += time; }

private:
    std::uint64_t round_ = 0;
    Clock::duration spent_{};
};

}  // namespace ringway::proxy
