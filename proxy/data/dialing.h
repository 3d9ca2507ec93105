// The socket towards a server, from its first system call to the connect. Any thread.
#pragma once

#include "conf/config.h"
#include "proxy/base/fd.h"
#include "proxy/data/server.h"

namespace ringway::proxy {

// A socket that has begun to connect to `server`, from the configured address of its
// family; an empty one with errno set where that failed at once: EADDRNOTAVAIL where the
// configured address is not here, EAGAIN where no port is left. `speaks_first`: bytes
// will be sent as soon as it is connected, and the handshake's last step may go with them.
Fd begin_connect(const conf::Endpoint& server, const conf::ConnectSettings& settings,
                 bool speaks_first);

// Has urgent bytes delivered in their places (SO_OOBINLINE), as any others. To be set before
// one can come. A listening TCP socket hands this on to those that it accepts, a unix socket
// does not.
void keep_urgent_in_place(const Fd& socket);

// Has what came on it acknowledged now, and what comes next as on any new connection. For one
// that speaks first: the kernel then takes its ends for a dialogue and keeps acknowledgements
// back for 40 ms, for which a server waits that writes its answer in two pieces (Nagle's
// algorithm, RFC 9293, 3.7.4).
void acknowledge_at_once(const Fd& socket);

// Whether the dial has met its own socket. Where nobody listens on a port of this machine
// that the kernel gives to sockets that ask for none, a dial may get that very port and
// connect to itself (RFC 9293, 3.5, simultaneous open). A server with another port costs no
// system call. The range of ports is read once, at the first dial.
bool met_itself(const Fd& socket, const conf::Endpoint& server);

// Whether a dial failed by something that this machine lacks now and may have again in a
// moment.
bool is_exhausted(int error);

// Whether it failed by no fault of the server: the above, no local port to dial from, and
// a dial that was given up because the budget of all was spent.
bool is_local_error(int error);

// What this machine lacked for a dial that failed with `error`, if that never left it.
health::LocalFault local_fault_of(int error);

// Counts a dial that failed with `error`, by whose fault it is.
void count_failed_dial(ServerCounts& server, PoolCounts& pool, int error);

}  // namespace ringway::proxy
