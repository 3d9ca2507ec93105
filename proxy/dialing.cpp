#include "proxy/dialing.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <optional>

#include "proxy/address.h"

namespace ringway::proxy {

namespace {

// Binds the address alone: the port is chosen by connect(2), which knows the other
// end and so may share one among servers (ip(7), IP_BIND_ADDRESS_NO_PORT).
bool bind_source(const Fd& socket, const conf::Endpoint& source) {
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    const SocketAddress address(source);
    return ::bind(socket.get(), &address.any, address.size) == 0;
}

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
        const auto& source = server.is_v6 ? settings.source_v6 : settings.source_v4;
        if (source && !bind_source(socket, *source)) {
            const int error = errno;
            socket.close();
            return failed(error);
        }
    }
    if (::connect(socket.get(), &address.any, address.size) == 0) return socket;
    if (errno == EINPROGRESS) return socket;
    // A unix socket says so when the server's queue is full (unix(7)): its fault, not ours.
    const int error = server.is_unix && errno == EAGAIN ? ECONNREFUSED : errno;
    socket.close();
    return failed(error);
}

void acknowledge_at_once(const Fd& socket) {
    set_quick_ack(socket, 1);
}

bool met_itself(const Fd& socket, const conf::Endpoint& server) {
    if (server.is_unix || !is_local_port(server.port)) return false;
    SocketAddress near;
    if (::getsockname(socket.get(), &near.any, &near.size) != 0) return false;
    const conf::Endpoint local = to_endpoint(near);
    if (local.port != server.port) return false;
    // Not the configured address: a wildcard there stands for loopback.
    SocketAddress far;
    return ::getpeername(socket.get(), &far.any, &far.size) == 0 && to_endpoint(far) == local;
}

bool is_exhausted(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

bool is_local_error(int error) {
    return is_exhausted(error) || error == EADDRNOTAVAIL || error == EAGAIN || error == ECANCELED;
}

void count_failed_dial(ServerCounts& counts, int error) {
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
