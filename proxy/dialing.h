// The socket towards a server, from its first system call to the connect. Any thread.
#pragma once

#include "conf/config.h"
#include "proxy/fd.h"
#include "proxy/server.h"

namespace ringway::proxy {

// A socket that has begun to connect to `server`, from the configured address of its
// family; an empty one with errno set where that failed at once: EADDRNOTAVAIL where the
// configured address is not here, EAGAIN where no port is left. `speaks_first`: bytes
// will be sent as soon as it is connected, and the handshake's last step may go with them.
Fd begin_connect(const conf::Endpoint& server, const conf::ConnectSettings& settings,
                 bool speaks_first);

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
