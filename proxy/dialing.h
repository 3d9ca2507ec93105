// The socket towards a server, from its first system call to the connect. Any thread.
#pragma once

#include "conf/config.h"
#include "proxy/fd.h"
#include "proxy/server.h"

namespace ringway::proxy {

// A socket that has begun to connect to `server`, from the configured address of its
// family; an empty one with errno set where that failed at once. `speaks_first`: bytes
// will be sent as soon as it is connected, and the handshake's last step may go with them.
Fd begin_connect(const conf::Endpoint& server, const conf::ConnectSettings& settings,
                 bool speaks_first);

// Whether a dial failed by something that this machine lacks now and may have again in a
// moment.
bool is_exhausted(int error);

// Whether it failed by no fault of the server: the above, no local port to dial from, and
// a dial that was given up because the budget of all was spent.
bool is_local_error(int error);

// Counts a dial that failed with `error`, which is the server's fault.
void count_failed_dial(ServerCounts& counts, int error);

}  // namespace ringway::proxy
