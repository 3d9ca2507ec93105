#include "proxy/data/dialing.h"

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <optional>

#include "health/source.h"
#include "proxy/net/address.h"

namespace ringway::proxy {

namespace {

// The ports that the kernel gives to sockets that ask for none (ip(7)).
struct PortRange {
    std::uint16_t first = 1;
    std::uint16_t last = 65'535;
};

// All of them if the file cannot be read.
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

// Of a step before connect(2), which says nothing of the server: what this machine lacks.
int local_cause(int error) {
    if (is_exhausted(error)) return error;
    return error == EADDRINUSE ? EAGAIN : EADDRNOTAVAIL;  // no port, or no address
}

Stream failed(int error) {
    errno = error;
    return {};
}

}  // namespace

Stream begin_connect(const conf::Endpoint& server, const conf::ConnectSettings& settings,
                     bool speaks_first) {
    const SocketAddress address(server);
    Stream stream = stream_towards(address);
    if (!stream) return failed(local_cause(errno));
    if (!server.is_unix) {
        send_at_once(stream);
        // The last segment of the handshake goes with the first bytes. Without any it would wait
        // for 200 ms.
        if (speaks_first) hold_acknowledgements(stream);
        if (const auto* const source = health::source_for(settings, server)) {
            if (const int error = health::bind_source(stream.descriptor(), *source); error != 0) {
                stream.close();
                return failed(local_cause(error));
            }
        }
    }
    int error = begin_to_connect(stream, address);
    if (error == 0) return stream;
    // A unix socket fails so when the server's queue is full (unix(7)): its fault, not ours.
    if (server.is_unix && error == EAGAIN) error = ECONNREFUSED;
    // The kernel has three errors for a lack of ports (connect(2), bind(2)).
    if (error == EADDRNOTAVAIL || error == EADDRINUSE) error = EAGAIN;
    stream.close();
    return failed(error);
}

bool met_itself(const Stream& stream, const conf::Endpoint& server) {
    if (server.is_unix || !is_local_port(server.port)) return false;
    return health::is_connected_to_itself(stream.descriptor());
}

bool is_exhausted(int error) {
    // The last is the limit of watched sockets (epoll_ctl(2)).
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == ENOSPC;
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
