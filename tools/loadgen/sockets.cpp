#include "tools/loadgen/sockets.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace ringway::loadgen {

namespace {

constexpr int backlog = 65'535;

std::system_error failed(const std::string& what) {
    return {errno, std::generic_category(), what};
}

Fd open_socket(const Address& address) {
    return Fd(::socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

void set(const Fd& socket, int level, int option) {
    const int on = 1;
    ::setsockopt(socket.get(), level, option, &on, sizeof on);
}

}  // namespace

Fd dial(const Address& to, const Address* source) {
    Fd socket = open_socket(to);
    if (!socket) return {};
    if (source != nullptr) {
        // The port is chosen by connect(2), which knows the destination, so that
        // each source address has all ports towards each destination (ip(7)).
        set(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
        if (::bind(socket.get(), &source->any, source->size) != 0) return {};
    }
    if (::connect(socket.get(), &to.any, to.size) == 0 || errno == EINPROGRESS) return socket;
    const int reason = errno;
    socket.close();
    errno = reason;
    return socket;
}

Fd listen_on(const Address& address, bool shared) {
    Fd socket = open_socket(address);
    if (!socket) throw failed("socket");
    set(socket, SOL_SOCKET, SO_REUSEADDR);
    if (shared) set(socket, SOL_SOCKET, SO_REUSEPORT);
    if (::bind(socket.get(), &address.any, address.size) != 0 ||
        ::listen(socket.get(), backlog) != 0) {
        throw failed("cannot listen on " + address.to_string());
    }
    return socket;
}

Address local_address(const Fd& socket) {
    Address address;
    if (::getsockname(socket.get(), &address.any, &address.size) != 0) throw failed("getsockname");
    return address;
}

void send_at_once(const Fd& socket) {
    set(socket, IPPROTO_TCP, TCP_NODELAY);
}

int take_error(const Fd& socket) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    return error;
}

Events::Events() : set_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!set_) throw failed("epoll_create1");
}

bool Events::add(const Fd& socket, void* what, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.ptr = what}};
    return ::epoll_ctl(set_.get(), EPOLL_CTL_ADD, socket.get(), &event) == 0;
}

void Events::change(const Fd& socket, void* what, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.ptr = what}};
    ::epoll_ctl(set_.get(), EPOLL_CTL_MOD, socket.get(), &event);
}

std::span<const epoll_event> Events::wait(Duration wait) {
    const auto nanoseconds =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::max(wait, Duration::zero()));
    const timespec timeout{.tv_sec = nanoseconds.count() / 1'000'000'000,
                           .tv_nsec = nanoseconds.count() % 1'000'000'000};
    const int count = ::epoll_pwait2(set_.get(), ready_.data(), static_cast<int>(ready_.size()),
                                     &timeout, nullptr);
    if (count < 0 && errno != EINTR) throw failed("epoll_pwait2");
    return {ready_.data(), static_cast<std::size_t>(std::max(count, 0))};
}

}  // namespace ringway::loadgen
