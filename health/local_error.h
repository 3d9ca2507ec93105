// Whose failure an error of a system call on a connection to a server is: this machine's or the
// server's. For checks and for connections of clients alike. Pure; any thread.
#pragma once

#include "health/local_fault.h"

namespace ringway::health {

// No descriptors, no memory, or no place among the watched sockets (epoll_ctl(2)): may be free
// again in a moment.
bool is_exhausted(int error);

// Of an error before connect(2), of socket(2) or bind(2), which says nothing of the server.
LocalFault fault_before_connect(int error);

// Of an error of connect(2); none where it is the server's, or of the way to it.
LocalFault fault_of_connect(int error, bool to_unix_socket);

}  // namespace ringway::health
