// The timeouts of a relay in which nothing moves. One thread; time is passed in.
//
// `idle` applies to a reader that pauses, whatever else holds: bytes that the kernel keeps
// for it belong to a direction that has not ended yet. `half_close` applies once one direction
// has ended and nothing waits for a reader, and after a server's reset. Bytes that a peer has
// acknowledged count as bytes that move. A peer whose kernel answers nothing at all is lost
// after `unacknowledged` (lost_peer.h).
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/data/close_reason.h"
#include "proxy/data/relay.h"
#include "proxy/net/lost_peer.h"

namespace ringway::proxy {

class Standstill {
public:
    // Bytes were moved, or a direction ended.
    void moved(TimePoint now, const conf::ListenerTimeouts& timeouts);
    void set_moved_at(TimePoint when) { moved_at_ = when; }
    TimePoint moved_at() const { return moved_at_; }

    // Asks the kernel what the peers have acknowledged, if it is time to. True if one is
    // lost, which breaks its side: pump again.
    bool look(Relay& relay, Relay::State state, const conf::ListenerTimeouts& timeouts,
              TimePoint now);

    // When a timeout expires in the present state, and which one. Every event asks for it.
    TimePoint deadline(const Relay& relay, const conf::ListenerTimeouts& timeouts) const {
        if (relay.client().broken) return moved_at_ + client_reset_grace;
        if (relay.server().broken || (relay.half_closed() && !reader_pauses())) {
            return moved_at_ + std::min(timeouts.half_close, timeouts.idle);
        }
        return moved_at_ + timeouts.idle;
    }
    CloseReason timeout(const Relay& relay) const;

    // When to look again.
    TimePoint next_look(Relay::State state, TimePoint deadline, TimePoint now) const;

private:
    void note_unacknowledged(std::size_t bytes, TimePoint now);
    bool reader_pauses() const { return unacknowledged_ != nothing_asked && unacknowledged_ > 0; }

    // A client that has reset waits for nothing; what it sent before has this long to reach the
    // server.
    static constexpr std::chrono::milliseconds client_reset_grace{50};
    static constexpr auto nothing_asked = static_cast<std::uint32_t>(-1);
    TimePoint moved_at_{};
    TimePoint look_at_ = TimePoint::max();  // while something may wait for an answer
    // When last asked, and at most 4 GiB; nothing_asked since it moved.
    std::uint32_t unacknowledged_ = nothing_asked;
    std::chrono::duration<std::uint16_t, std::milli> settle_pause_{};
    std::array<Silence, 2> silences_;  // the client's, the server's
};

}  // namespace ringway::proxy
