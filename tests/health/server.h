// A server for checks: a port on 127.0.0.1 that refuses, listens or swallows.
// Not thread-safe.
#pragma once

#include <cerrno>
#include <cstdint>
#include <memory>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "conf/config.h"

namespace ringway::tests {

inline sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

class Socket {
public:
    Socket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        BOOST_REQUIRE(fd_ >= 0);
    }
    ~Socket() { ::close(fd_); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    int fd() const { return fd_; }

    void connect(std::uint16_t port) {
        const sockaddr_in to = loopback(port);
        ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }

private:
    int fd_;
};

// A port of its own: refuses connections until listen() is called. Nobody ever
// accepts.
class Server {
public:
    Server() {
        sockaddr_in address = bind_to(0);
        socklen_t size = sizeof address;
        BOOST_REQUIRE(::getsockname(socket_->fd(), reinterpret_cast<sockaddr*>(&address), &size) ==
                      0);
        port_ = ntohs(address.sin_port);
    }

    void listen(int backlog = 1024) { BOOST_REQUIRE(::listen(socket_->fd(), backlog) == 0); }

    void stop_listening() {
        socket_ = std::make_unique<Socket>();
        bind_to(port_);
    }

    // Connections that are never accepted fill the queue; the kernel drops every SYN after them.
    void swallow_everything() {
        listen(0);
        for (auto& filler : fillers_) filler.connect(port_);
    }

    // What a program that accepts would get of the checks so far: 0 for a clean
    // end of stream, else an errno.
    std::vector<int> seen_by_accept() const {
        std::vector<int> seen;
        for (;;) {
            const int fd = ::accept4(socket_->fd(), nullptr, nullptr, SOCK_NONBLOCK);
            if (fd < 0) return seen;
            char byte;
            seen.push_back(::recv(fd, &byte, 1, 0) == 0 ? 0 : errno);
            ::close(fd);
        }
    }

    conf::Endpoint address() const {
        conf::Endpoint endpoint;
        endpoint.address = {127, 0, 0, 1};
        endpoint.port = port_;
        return endpoint;
    }

private:
    sockaddr_in bind_to(std::uint16_t port) {
        const int yes = 1;
        ::setsockopt(socket_->fd(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        const sockaddr_in address = loopback(port);
        BOOST_REQUIRE(::bind(socket_->fd(), reinterpret_cast<const sockaddr*>(&address),
                             sizeof address) == 0);
        return address;
    }

    std::unique_ptr<Socket> socket_ = std::make_unique<Socket>();
    Socket fillers_[4];
    std::uint16_t port_ = 0;
};

}  // namespace ringway::tests
