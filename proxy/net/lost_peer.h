// How a peer that has vanished without a word is found out: a machine or a network
// that failed. (A process that dies has its kernel say so.)
#pragma once

#include <netinet/tcp.h>

#include <cstddef>

#include "conf/config.h"
#include "proxy/base/clock.h"

namespace ringway::proxy {

// Has the kernel ask an idle peer for a sign of life after `keepalive`, and give it up when
// it has said nothing for `unacknowledged` more (RFC 9293, 3.8.4; tcp(7)). On a listening
// socket: for those that it accepts. While bytes wait to be acknowledged the kernel asks
// nothing by itself; that is what Silence is for.
//
// TCP_USER_TIMEOUT is not used: it also ends a connection whose peer answers every probe
// and keeps its window shut, which is a reader that pauses (RFC 9293, 3.8.6.1).
void watch_for_lost_peer(int socket, const conf::ListenerTimeouts& timeouts);

// Whether a socket's error says that the peer, or the way to it, is gone, and not that it
// broke off.
bool means_lost(int error);

// How long a peer's kernel has left unanswered what was sent to it. Pure.
class Silence {
public:
    // Whether the peer is lost at `now`: for `limit` nothing has come from it, while
    // something that was sent waits for an answer. `info` is the kernel's TCP_INFO,
    // `unacknowledged_bytes` what it holds for the peer. Ask again within `limit`.
    bool exceeds(Clock::duration limit, const tcp_info& info, std::size_t unacknowledged_bytes,
                 TimePoint now);

private:
    static constexpr TimePoint never = TimePoint::min();
    TimePoint since_ = never;
};

}  // namespace ringway::proxy
