// A client of the admin socket. Test thread.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include "tests/support/sockets.h"

namespace ringway::test {

inline sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    BOOST_REQUIRE(path.size() < sizeof address.sun_path);
    std::ranges::copy(path, address.sun_path);
    return address;
}

inline Fd unix_socket() {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{.tv_sec = patience.count(), .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

// Bound to `path`; listens unless `backlog` is negative.
inline Fd unix_listener(const std::string& path, int backlog) {
    Fd fd = unix_socket();
    const sockaddr_un address = unix_address(path);
    BOOST_REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
                  0);
    if (backlog >= 0) start_listening(fd, backlog);
    return fd;
}

inline bool connect_unix(const Fd& fd, const std::string& path) {
    const sockaddr_un address = unix_address(path);
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

class UnixClient {
public:
    explicit UnixClient(const std::string& path) {
        BOOST_REQUIRE_MESSAGE(connect_unix(socket_, path), "connect: errno " << errno);
    }

    void send(std::string_view bytes) const { send_all(socket_, bytes); }

    // The next line, without its newline; empty where none comes.
    std::string line() {
        for (;;) {
            const auto newline = received_.find('\n');
            if (newline != std::string::npos) {
                std::string text = received_.substr(0, newline);
                received_.erase(0, newline + 1);
                return text;
            }
            std::array<char, 4096> buffer;
            const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
            if (got <= 0) return {};
            received_.append(buffer.data(), static_cast<std::size_t>(got));
        }
    }
    std::string ask(std::string_view command) {
        send(std::string(command) + "\n");
        return line();
    }

    // Whether nothing more comes, because the other end closed.
    bool is_closed() {
        std::array<char, 1> byte;
        const ssize_t got = ::recv(socket_.get(), byte.data(), byte.size(), 0);
        return got == 0 || (got < 0 && errno == ECONNRESET);
    }

    const Fd& socket() const { return socket_; }

private:
    Fd socket_ = unix_socket();
    std::string received_;
};

}  // namespace ringway::test
