// Listening sockets: one per worker and address, so that the kernel spreads the
// connections (SO_REUSEPORT, socket(7)).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/config.h"
#include "conf/result.h"
#include "proxy/base/fd.h"
#include "proxy/net/unix_socket.h"

namespace ringway::proxy {

// The sockets of one address. The file of a unix socket is removed before they are closed.
struct ListenSockets {
    std::vector<Fd> sockets;
    SocketFile file;  // of a unix socket

    // The kernel's numbers of the sockets.
    std::vector<ino_t> inodes() const;
};

// Called with each socket before it listens.
using Prepare = std::function<void(int socket)>;

// `count` sockets that listen on `address`. If one cannot, all are closed again.
Result<ListenSockets> open_listen_sockets(const conf::Endpoint& address, std::size_t count,
                                          const Prepare& prepare = {});

// Connections are accepted when their first bytes are there, or after `wait`; 0s accepts them at
// once (tcp(7), TCP_DEFER_ACCEPT). Before listen(2).
void set_deferred_accept(int socket, std::chrono::seconds wait);

// Fails if `address` cannot be listened on exclusively. SO_REUSEPORT would let a second Ringway of
// the same user share a port unnoticed, so this binds a socket without it and closes it again.
Result<void> check_free(const conf::Endpoint& address);

// The same while this process listens on an address that overlaps `address`, with sockets that have
// the numbers `ours`: a bind would fail because of them, so the kernel's list of listening sockets
// is read (/proc/self/net). The list does not show whether a socket of [::] accepts IPv4; it is
// assumed to.
Result<void> check_free(const conf::Endpoint& address, const std::vector<ino_t>& ours);

// A line of the kernel's list.
struct ListeningSocket {
    conf::Endpoint address;
    ino_t inode = 0;
    bool operator==(const ListeningSocket&) const = default;
};
// Parses a line of /proc/net/tcp or tcp6; nothing if it is not a listening socket.
std::optional<ListeningSocket> parse_listening_socket(std::string_view line);

}  // namespace ringway::proxy
