// TCP sockets over loopback for tests that play client and server themselves.
// What cannot fail on a healthy machine is required. Any thread.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include "conf/config.h"
#include "proxy/base/fd.h"
#include "proxy/net/address.h"
#include "tests/support/wait.h"

namespace ringway::test {

using proxy::Fd;

inline conf::Endpoint endpoint(std::string_view text) {
    const auto parsed = conf::Endpoint::parse(text);
    BOOST_REQUIRE_MESSAGE(parsed, "no endpoint: " << text);
    return *parsed;
}

// 127.0.0.1; port 0 lets the kernel choose.
inline conf::Endpoint loopback(std::uint16_t port = 0) {
    conf::Endpoint local = endpoint("127.0.0.1:1");
    local.port = port;
    return local;
}

inline conf::Endpoint local_endpoint(const Fd& socket) {
    proxy::SocketAddress address;
    BOOST_REQUIRE(::getsockname(socket.get(), &address.any, &address.size) == 0);
    return proxy::to_endpoint(address);
}

inline void set_blocking(const Fd& socket, bool blocking) {
    const int flags = ::fcntl(socket.get(), F_GETFL);
    BOOST_REQUIRE(
        ::fcntl(socket.get(), F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) == 0);
}

// Sizes of both kernel buffers; 0 leaves the kernel's own. Segments are as on a
// real network then: those of loopback, of 64 KiB, would wait for windows that a
// small buffer opens only when a timer of the kernel asks.
inline void set_buffers(const Fd& socket, int bytes) {
    if (bytes == 0) return;
    const int segment_bytes = 1024;
    BOOST_REQUIRE(::setsockopt(socket.get(), IPPROTO_TCP, TCP_MAXSEG, &segment_bytes,
                               sizeof segment_bytes) == 0);
    BOOST_REQUIRE(::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes) == 0);
    BOOST_REQUIRE(::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) == 0);
}

// Bound but not listening: connections to it are refused, and no other process gets its port while
// it exists.
inline Fd bound_socket(const conf::Endpoint& where = loopback(), int buffer_bytes = 0) {
    const proxy::SocketAddress address(where);
    Fd fd(::socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    BOOST_REQUIRE(fd);
    set_buffers(fd, buffer_bytes);
    BOOST_REQUIRE_MESSAGE(::bind(fd.get(), &address.any, address.size) == 0,
                          "bind: " << where.to_string());
    return fd;
}

// A port of loopback that is free to listen on, and that the kernel gives to no other process while
// this exists.
class ReservedPort {
public:
    ReservedPort() : holder_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        // Sockets with SO_REUSEADDR that do not listen do not block the address.
        const int on = 1;
        ::setsockopt(holder_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        ::setsockopt(holder_.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
        const proxy::SocketAddress address(loopback());
        BOOST_REQUIRE(::bind(holder_.get(), &address.any, address.size) == 0);
    }
    conf::Endpoint endpoint() const { return local_endpoint(holder_); }

private:
    Fd holder_;
};

inline void start_listening(const Fd& socket, int backlog = 1024) {
    BOOST_REQUIRE(::listen(socket.get(), backlog) == 0);
}

inline Fd listening_socket(int backlog = 1024, int buffer_bytes = 0) {
    Fd fd = bound_socket(loopback(), buffer_bytes);
    start_listening(fd, backlog);
    return fd;
}

// Calls again what is interrupted: by the kernel, when a ring of io_uring goes that this thread has
// used.
template <class Call>
auto uninterrupted(Call call) {
    for (;;) {
        const auto result = call();
        if (result >= 0 || errno != EINTR) return result;
    }
}

// Whether `events` of poll(2) come within `limit`.
inline bool ready(const Fd& socket, short events, std::chrono::milliseconds limit = patience) {
    pollfd one{.fd = socket.get(), .events = events, .revents = 0};
    const int limit_ms = static_cast<int>(limit.count());
    return uninterrupted([&] { return ::poll(&one, 1, limit_ms); }) == 1;
}

// A blocking socket that gives up after patience, so that no test hangs.
inline Fd connected_socket(const conf::Endpoint& to, int buffer_bytes = 0) {
    const proxy::SocketAddress address(to);
    Fd fd(::socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    BOOST_REQUIRE(fd);
    set_buffers(fd, buffer_bytes);
    const timeval limit{.tv_sec = patience.count(), .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int error = ::connect(fd.get(), &address.any, address.size) == 0 ? 0 : errno;
    if (error == EINTR && ready(fd, POLLOUT)) {  // it goes on
        socklen_t size = sizeof error;
        ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    BOOST_REQUIRE_MESSAGE(error == 0, "connect: " << to.to_string() << ", errno " << error);
    return fd;
}

inline Fd accepted_socket(const Fd& listener) {
    BOOST_REQUIRE_MESSAGE(ready(listener, POLLIN), "nobody came");
    Fd fd(uninterrupted([&] { return ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC); }));
    BOOST_REQUIRE(fd);
    const timeval limit{.tv_sec = patience.count(), .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

// Whether a connection to `address` is refused.
inline bool is_refused(const conf::Endpoint& address) {
    const proxy::SocketAddress to(address);
    const Fd socket(::socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(socket.get(), &to.any, to.size) != 0 && errno == ECONNREFUSED;
}

// Both ends of one TCP connection.
struct TcpPair {
    Fd near;
    Fd far;
};

inline TcpPair tcp_pair(int near_buffer_bytes = 0, int far_buffer_bytes = 0) {
    const Fd listener = listening_socket(1, far_buffer_bytes);
    Fd near = connected_socket(local_endpoint(listener), near_buffer_bytes);
    return {std::move(near), accepted_socket(listener)};
}

inline void send_all(const Fd& socket, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = uninterrupted(
            [&] { return ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); });
        BOOST_REQUIRE_MESSAGE(sent > 0, "send: errno " << errno);
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

inline void end_sending(const Fd& socket) {
    BOOST_REQUIRE(::shutdown(socket.get(), SHUT_WR) == 0);
}

// Until the peer's kernel has all that was sent.
inline void await_delivery(const Fd& socket) {
    BOOST_REQUIRE(eventually([&] {
        int waiting = 0;
        return ::ioctl(socket.get(), SIOCOUTQ, &waiting) == 0 && waiting == 0;
    }));
}

// What came until there was no more, and how it ended: 0 is a clean end.
struct Received {
    std::string bytes;
    int error = 0;
};

inline Received receive_to_end(const Fd& socket) {
    Received received;
    std::array<char, 16 << 10> buffer;
    for (;;) {
        const ssize_t got =
            uninterrupted([&] { return ::recv(socket.get(), buffer.data(), buffer.size(), 0); });
        if (got == 0) return received;
        if (got < 0) {
            received.error = errno;
            return received;
        }
        received.bytes.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

// The next `size` bytes; fewer where the stream ended before.
inline std::string receive(const Fd& socket, std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t received = 0;
    while (received < size) {
        const ssize_t got = uninterrupted([&] {
            return ::recv(socket.get(), bytes.data() + received, size - received, MSG_WAITALL);
        });
        if (got <= 0) break;
        received += static_cast<std::size_t>(got);
    }
    bytes.resize(received);
    return bytes;
}

inline bool was_reset(const Received& received) {
    return received.error == ECONNRESET;
}

// Descriptors of this process that are open.
inline std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all))) - 1;
}

}  // namespace ringway::test
