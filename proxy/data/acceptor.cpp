#include "proxy/data/acceptor.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

#include <spdlog/spdlog.h>

#include "proxy/net/address.h"
#include "proxy/net/listen_sockets.h"
#include "proxy/net/lost_peer.h"

namespace ringway::proxy {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Connections taken in one turn; the socket is level-triggered and asks again.
constexpr int max_accepts_per_turn = 64;
// Connections taken before a socket is closed: the kernel's usual longest queue.
constexpr int max_accepts_at_close = 4096;
constexpr milliseconds pause_without_resources{100};
// A connection that ends on another worker makes room here without an event.
constexpr milliseconds pause_at_limit{20};
constexpr seconds complaint_interval{1};

}  // namespace

void set_inherited_options(int socket, const conf::ListenerTimeouts& timeouts,
                           conf::Duration defer_accept) {
    watch_for_lost_peer(socket, timeouts);
    set_deferred_accept(socket, std::chrono::ceil<seconds>(defer_accept));
}

Acceptor::Acceptor(Fd socket, std::shared_ptr<const Intake> intake, Poller& poller, Timers& timers,
                   Quota& total, OnAccept on_accept)
    : socket_(std::move(socket)),
      intake_(std::move(intake)),
      poller_(poller),
      timers_(timers),
      total_(total),
      on_accept_(std::move(on_accept)) {
    on_deadline();
}

void Acceptor::take_up(std::shared_ptr<const Intake> intake) {
    intake_ = std::move(intake);
    set_inherited_options(socket_.get(), intake_->timeouts, intake_->defer_accept);
}

void Acceptor::accept_queue() {
    for (int i = 0; i < max_accepts_at_close && accept_one(true) == Taken::one; ++i) continue;
}

void Acceptor::on_ready(std::uint32_t /*events*/) {
    // Where connections come one by one, a second call would find none. Where the socket asks
    // again in the very next round, more are waiting.
    const bool asks_again = poller_.round() == asked_in_ + 1;
    asked_in_ = poller_.round();
    if (asks_again) turn_ = std::min(turn_ * 2, max_accepts_per_turn);
    for (int i = 0; i < turn_; ++i) {
        switch (accept_one(false)) {
            case Taken::one:
                break;
            case Taken::none_waiting:
                turn_ = std::max(i, 1);
                return;
            case Taken::no_resources:
                return pause(pause_without_resources, std::strerror(errno));
            case Taken::at_limit:
                return pause(pause_at_limit, "the limit of connections is reached");
        }
    }
}

Acceptor::Taken Acceptor::accept_one(bool beyond_limits) {
    Admission admission{.listener = intake_->quota->take(), .total = total_.take()};
    const bool admitted = admission.listener && admission.total;
    if (!admitted && !beyond_limits) return Taken::at_limit;
    SocketAddress client;
    if (Stream stream = accept_stream(socket_, client)) {
        try {
            const conf::Endpoint from = to_endpoint(client);
            on_accept_(std::move(stream), from, intake_, std::move(admission));
            return Taken::one;
        } catch (const std::bad_alloc&) {
            stream.close_with_reset();
            errno = ENOMEM;
            return Taken::no_resources;
        }
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
            return Taken::one;  // that client has disconnected (accept(2), error handling)
    }
}

// The socket stays readable, so it is not watched meanwhile: events would come without end.
void Acceptor::pause(Clock::duration length, const char* reason) {
    poller_.modify(socket_.get(), *this, 0);
    const TimePoint now = Clock::now();
    timers_.set(*this, now + length);
    if (now - last_complaint_ < complaint_interval) return;
    last_complaint_ = now;
    spdlog::warn("listener {}: accepting pauses: {}", intake_->listener, reason);
}

void Acceptor::on_deadline() {
    const bool watched =
        poller_.modify(socket_.get(), *this, EPOLLIN) || poller_.add(socket_.get(), *this, EPOLLIN);
    if (!watched) pause(pause_without_resources, std::strerror(errno));
}

}  // namespace ringway::proxy
