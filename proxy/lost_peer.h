// How a peer that has vanished without a word is found out: a machine or a network
// that failed. (A process that dies has its kernel say so.)
#pragma once

#include "conf/config.h"

namespace ringway::proxy {

// Has the kernel break the connection when sent data stays unacknowledged for
// `unacknowledged` (TCP_USER_TIMEOUT, RFC 5482), and ask a silent peer for a sign
// after `keepalive` (RFC 9293, 3.8.4; tcp(7)). On a listening socket: for those that
// it accepts.
void watch_for_lost_peer(int socket, const conf::ListenerTimeouts& timeouts);

}  // namespace ringway::proxy
