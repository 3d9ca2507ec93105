// The stream to a server, from its socket to the connect. Any thread.
#pragma once

#include "conf/config.h"
#include "health/local_error.h"
#include "proxy/data/server.h"
#include "proxy/net/stream.h"

namespace ringway::proxy {

// A stream that has begun to connect to `server`, from the configured address of its
// family; an empty one with errno set if that failed at once: EADDRNOTAVAIL if this machine
// has no such source address or no socket of the family, EAGAIN if no port is left. `speaks_first`:
// bytes are sent as soon as it is connected, and the handshake's last step may go with them.
Stream begin_connect(const conf::Endpoint& server, const conf::ConnectSettings& settings,
                     bool speaks_first);

// Whether the dial has connected to its own socket. If nobody listens on a port of this machine
// that is in the kernel's range for outgoing connections, a dial to it may get that very port
// and connect to itself (RFC 9293, 3.5, simultaneous open). A server with another port costs no
// system call. The range of ports is read once, at the first dial.
bool met_itself(const Stream& stream, const conf::Endpoint& server);

using health::is_exhausted;

// Whether it failed by no fault of the server: the above, no local port or address to dial from,
// or a spent `connect.budget`.
bool is_local_error(int error);

// What this machine lacked for a dial that failed with `error`; none if the dial was sent.
health::LocalFault local_fault_of(int error);

// Counts a dial that failed with `error`: against this machine or against the server.
void count_failed_dial(ServerCounts& server, PoolCounts& pool, int error);

}  // namespace ringway::proxy
