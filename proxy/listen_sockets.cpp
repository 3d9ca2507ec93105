#include "proxy/listen_sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "proxy/address.h"
#include "proxy/unix_socket.h"

namespace ringway::proxy {

namespace {

// The kernel cuts it to net.core.somaxconn (listen(2)).
constexpr int backlog = 65'535;

// A bound socket; an empty one with errno set if that failed.
Fd bind_socket(const conf::Endpoint& endpoint, bool shared) {
    const SocketAddress address(endpoint);
    Fd fd(::socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return {};
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shared) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    // Accepted sockets inherit this one.
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    if (::bind(fd.get(), &address.any, address.size) != 0) {
        const int reason = errno;
        fd.close();
        errno = reason;
    }
    return fd;
}

std::string refusal(const conf::Endpoint& address) {
    return fmt::format("cannot listen on {}: {}", address.to_string(), std::strerror(errno));
}

// One socket for all workers, as no two can be bound to one path; each gets its own
// descriptor of it.
std::variant<std::vector<Fd>, std::string> open_unix_sockets(const conf::Endpoint& address,
                                                             std::size_t count) {
    if (const auto reason = clear_socket_file(address.path)) {
        return fmt::format("cannot listen on {}: {}", address.to_string(), *reason);
    }
    std::vector<Fd> sockets;
    sockets.push_back(bind_socket(address, false));
    if (!sockets.front() || ::listen(sockets.front().get(), backlog) != 0) return refusal(address);
    while (sockets.size() < count) {
        sockets.emplace_back(::fcntl(sockets.front().get(), F_DUPFD_CLOEXEC, 0));
        if (sockets.back()) continue;
        const std::string reason = refusal(address);
        ::unlink(address.path.c_str());
        return reason;
    }
    return sockets;
}
}  // namespace

std::variant<std::vector<Fd>, std::string> open_listen_sockets(const conf::Endpoint& address,
                                                               std::size_t count) {
    if (address.is_unix) return open_unix_sockets(address, count);
    std::vector<Fd> sockets;
    for (std::size_t i = 0; i < count; ++i) {
        Fd fd = bind_socket(address, true);
        if (!fd || ::listen(fd.get(), backlog) != 0) return refusal(address);
        sockets.push_back(std::move(fd));
    }
    return sockets;
}

std::optional<std::string> why_not_free(const conf::Endpoint& address) {
    if (bind_socket(address, false)) return std::nullopt;
    return refusal(address);
}

}  // namespace ringway::proxy
