#include "proxy/data/dialing.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <optional>

#include "health/source.h"
#include "proxy/net/address.h"

namespace ringway::proxy {

namespace {

// tcp(7), TCP_QUICKACK.
void set_quick_ack(const Fd& socket, int value) {
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_QUICKACK, &value, sizeof value);
}

// The ports that the kernel gives to sockets that ask for none (ip(7)).
struct PortRange {
    std::uint16_t first = 1;
    std::uint16_t last = 65'535;
};

// Unknown, it is taken to be all of them.
PortRange read_local_ports() {
    std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
    PortRange range;
    if (!(file >> range.first >> range.last)) return {};
    return range;
}

bool is_local_port(std::uint16_t port) {
    static const PortRange range = read_local_ports();
    return range.first <= port && port <= range.last;
}

Fd failed(int error) {
    errno = error;
    return {};
}

}  // namespace

void keep_urgent_in_place(const Fd& socket) {
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
}

Fd begin_connect(const conf::Endpoint& server, const conf::ConnectSettings& settings,
                 bool speaks_first) {
    const SocketAddress address(server);
    Fd socket(::socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) return {};
    keep_urgent_in_place(socket);
    if (!server.is_unix) {
        const int on = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        // The last segment of the handshake goes with the first bytes. Where none came it
        // would wait for 200 ms.
        if (speaks_first) set_quick_ack(socket, 0);
        if (const auto* const source = health::source_for(settings, server)) {
            if (const int error = health::bind_source(socket.get(), *source); error != 0) {
                socket.close();
                return failed(error);
            }
        }
    }
    if (::connect(socket.get(), &address.any, address.size) == 0) return socket;
    if (errno == EINPROGRESS) return socket;
    int error = errno;
    // A unix socket says so when the server's queue is full (unix(7)): its fault, not ours.
    if (server.is_unix && error == EAGAIN) error = ECONNREFUSED;
    // The kernel has two words for a want of ports (connect(2)).
    if (error == EADDRNOTAVAIL) error = EAGAIN;
    socket.close();
    return failed(error);
}

void acknowledge_at_once(const Fd& socket) {
    set_quick_ack(socket, 1);
}

bool met_itself(const Fd& socket, const conf::Endpoint& server) {
    if (server.is_unix || !is_local_port(server.port)) return false;
    return health::is_connected_to_itself(socket.get());
}

bool is_exhausted(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

bool is_local_error(int error) {
    return is_exhausted(error) || error == EADDRNOTAVAIL || error == EAGAIN || error == ECANCELED;
}

health::LocalFault local_fault_of(int error) {
    if (is_exhausted(error)) return health::LocalFault::no_resources;
    if (error == EADDRNOTAVAIL) return health::LocalFault::no_address;
    return error == EAGAIN ? health::LocalFault::no_port : health::LocalFault::none;
}

void count_failed_dial(ServerCounts& counts, PoolCounts& pool, int error) {
    if (const auto fault = local_fault_of(error); fault != health::LocalFault::none) {
        counts.local_failures.add(1);
        return pool.local_failures[static_cast<std::size_t>(fault)].add(1);
    }
    pool.failed_dials.add(1);
    if (is_local_error(error)) return;
    counts.connect_failures.add(1);
    switch (error) {
        case ECONNREFUSED:
            return counts.refused.add(1);
        case ETIMEDOUT:
            return counts.timed_out.add(1);
        case EHOSTUNREACH:
        case ENETUNREACH:
            return counts.unreachable.add(1);
        default:
            return counts.failed_otherwise.add(1);
    }
}

}  // namespace ringway::proxy
