#include "tests/proxy/segments.h"

// The C library's netinet/tcp.h has an older tcp_info, and cannot stand beside this one.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <stdexcept>

namespace ringway::test {

std::uint32_t bare_segments(int socket) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
        throw std::runtime_error("TCP_INFO");
    }
    return info.tcpi_segs_in - info.tcpi_data_segs_in;
}

}  // namespace ringway::test
