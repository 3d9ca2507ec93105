#include "health/local_error.h"

#include <cerrno>

namespace ringway::health {

bool is_exhausted(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == ENOSPC;
}

LocalFault fault_before_connect(int error) {
    if (is_exhausted(error)) return LocalFault::no_resources;
    return error == EADDRINUSE ? LocalFault::no_port : LocalFault::no_address;
}

LocalFault fault_of_connect(int error, bool to_unix_socket) {
    if (is_exhausted(error)) return LocalFault::no_resources;
    // A unix socket fails so when the server's queue is full (unix(7)).
    if (error == EAGAIN && to_unix_socket) return LocalFault::none;
    // The kernel has three errors for a lack of ports (connect(2), bind(2)).
    const bool no_port = error == EADDRNOTAVAIL || error == EADDRINUSE || error == EAGAIN;
    return no_port ? LocalFault::no_port : LocalFault::none;
}

}  // namespace ringway::health
