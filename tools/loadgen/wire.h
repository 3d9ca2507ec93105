// Small things that both ends do with a socket.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>

#include "proxy/base/fd.h"

namespace ringway::loadgen {

// Receives and throws away up to a megabyte; as recv(2). The kernel does not even copy it (tcp(7),
// MSG_TRUNC), so that a bulk load costs little compared with the proxy.
inline ssize_t discard(const proxy::Fd& socket) {
    constexpr std::size_t most = 1 << 20;
    return ::recv(socket.get(), nullptr, most, MSG_TRUNC);
}

}  // namespace ringway::loadgen
