// Detects peers that have vanished silently: a machine or a network that failed. (If only the
// process ends, its kernel closes the connection.)
#pragma once

#include <netinet/tcp.h>

#include <cstddef>

#include "conf/config.h"
#include "proxy/base/clock.h"

namespace ringway::proxy {

// Enables TCP keepalive: probes after `keepalive` of silence, and an error after `unacknowledged`
// more without an answer (RFC 9293, 3.8.4; tcp(7)). On a listening socket: for the connections that
// it accepts. While bytes are unacknowledged the kernel sends no keepalives; Silence covers that
// case.
//
// TCP_USER_TIMEOUT is not used: it also ends a connection whose peer answers every probe with a
// zero window, which is a paused reader (RFC 9293, 3.8.6.1).
void watch_for_lost_peer(int socket, const conf::ListenerTimeouts& timeouts);

// Whether a socket's error means that the peer, or the route to it, is lost, and not that it reset
// the connection.
bool means_lost(int error);

// How long a peer's kernel has not answered. Pure.
class Silence {
public:
    // Whether the peer is lost at `now`: for `limit` nothing was received from it while something
    // sent is unanswered. `info` is the kernel's TCP_INFO, `unacknowledged_bytes` the bytes in its
    // send queue. Call again within `limit`.
    bool exceeds(Clock::duration limit, const tcp_info& info, std::size_t unacknowledged_bytes,
                 TimePoint now);

private:
    static constexpr TimePoint never = TimePoint::min();
    TimePoint since_ = never;
};

}  // namespace ringway::proxy
