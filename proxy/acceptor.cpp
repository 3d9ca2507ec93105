#include "proxy/acceptor.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include <spdlog/spdlog.h>

#include "proxy/address.h"

namespace ringway::proxy {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Connections taken in one turn; the socket is level-triggered and asks again.
constexpr int max_accepts_per_turn = 64;
// Connections taken before a socket is closed: the kernel's usual longest queue.
constexpr int max_accepts_at_close = 4096;
constexpr milliseconds pause_without_resources{100};
constexpr seconds complaint_interval{1};

}  // namespace

Acceptor::Acceptor(Fd socket, std::shared_ptr<const Route> route, Poller& poller, Timers& timers,
                   OnAccept on_accept)
    : socket_(std::move(socket)),
      route_(std::move(route)),
      reader_(*route_->balancer),
      poller_(poller),
      timers_(timers),
      on_accept_(std::move(on_accept)) {
    if (!poller_.add(socket_.get(), *this, EPOLLIN)) pause(errno);
}

void Acceptor::reroute(std::shared_ptr<const Route> route) {
    const bool other_ring = route->balancer != route_->balancer;
    if (other_ring) reader_ = ring::Reader(*route->balancer);
    route_ = std::move(route);
}

void Acceptor::accept_queue() {
    for (int i = 0; i < max_accepts_at_close && accept_one() == Taken::one; ++i) continue;
}

void Acceptor::on_ready(std::uint32_t /*events*/) {
    for (int i = 0; i < max_accepts_per_turn; ++i) {
        const Taken taken = accept_one();
        if (taken == Taken::none_waiting) return;
        if (taken == Taken::no_resources) return pause(errno);
    }
}

Acceptor::Taken Acceptor::accept_one() {
    SocketAddress peer;
    const int fd = ::accept4(socket_.get(), &peer.any, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        on_accept_(Fd(fd), to_endpoint(peer), route_, reader_.share());
        return Taken::one;
    }
    switch (errno) {
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            return Taken::no_resources;
        case EAGAIN:
            return Taken::none_waiting;
        default:
            return Taken::one;  // that client is gone (accept(2), error handling)
    }
}

// The socket stays readable: watching it on would spin.
void Acceptor::pause(int error) {
    poller_.modify(socket_.get(), *this, 0);
    timers_.set(*this, Clock::now() + pause_without_resources);
    if (Clock::now() - last_complaint_ < complaint_interval) return;
    last_complaint_ = Clock::now();
    spdlog::warn("listener {}: accepting pauses: {}", route_->listener, std::strerror(error));
}

void Acceptor::on_deadline() {
    const bool watched =
        poller_.modify(socket_.get(), *this, EPOLLIN) || poller_.add(socket_.get(), *this, EPOLLIN);
    if (!watched) pause(errno);
}

}  // namespace ringway::proxy
