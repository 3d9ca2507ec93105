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

// What begin_connect() sets errno to.
int errno_of(health::LocalFault fault, int error) {
    if (fault == health::LocalFault::no_port) return EAGAIN;
    return fault == health::LocalFault::no_address ? EADDRNOTAVAIL : error;
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
    if (!stream) return failed(errno_of(health::fault_before_connect(errno), errno));
    if (!server.is_unix) {
        send_at_once(stream);
        // The last segment of the handshake goes with the first bytes. Without any it would wait
        // for 200 ms.
        if (speaks_first) hold_acknowledgements(stream);
        if (const auto* const source = health::source_for(settings, server)) {
            if (const int error = health::bind_source(stream.descriptor(), *source); error != 0) {
                stream.close();
                return failed(errno_of(health::fault_before_connect(error), error));
            }
        }
    }
    const int error = begin_to_connect(stream, address);
    if (error == 0) return stream;
    stream.close();
    const auto fault = health::fault_of_connect(error, server.is_unix);
    const bool queue_is_full = fault == health::LocalFault::none && error == EAGAIN;
    return failed(queue_is_full ? ECONNREFUSED : errno_of(fault, error));
}

bool met_itself(const Stream& stream, const conf::Endpoint& server) {
    if (server.is_unix || !is_local_port(server.port)) return false;
    const auto own = local_address(stream);
    return own && own->port == server.port && health::is_connected_to_itself(stream.descriptor());
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
        case tls_failed:
            return counts.tls_failed.add(1);
        case EHOSTUNREACH:
        case ENETUNREACH:
            return counts.unreachable.add(1);
        default:
            return counts.failed_otherwise.add(1);
    }
}

}  // namespace ringway::proxy
