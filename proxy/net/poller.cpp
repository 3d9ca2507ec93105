#include "proxy/net/poller.h"

#include <array>
#include <cerrno>
#include <system_error>

#include <boost/asio/post.hpp>

namespace ringway::proxy {

namespace {

// After so many rounds the Asio loop gets a turn for its timers and commands.
constexpr int max_rounds = 16;
constexpr int max_events_per_round = 256;

int create_set() {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    return fd;
}

}  // namespace

Poller::Poller(boost::asio::io_context& io, std::function<void()> after_round)
    : io_(io),
      after_round_(std::move(after_round)),
      memory_(HandlerMemory::of(io)),
      set_(io, create_set()) {}

void Poller::start() {
    wait();
}

void Poller::stop() {
    set_.close();
}

bool Poller::add(int fd, PollHandler& handler, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &handler;
    return ::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool Poller::modify(int fd, PollHandler& handler, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &handler;
    return ::epoll_ctl(set_.native_handle(), EPOLL_CTL_MOD, fd, &event) == 0;
}

void Poller::call_again(PollHandler& handler) {
    if (!handler.is_linked()) again_.push_back(handler);
}

void Poller::wait() {
    set_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    in_memory(memory_, [this](const boost::system::error_code& error) {
                        if (!error) drain();
                    }));
}

// Empties the set, within a budget: one more epoll_wait that finds nothing is
// cheaper than a turn of the Asio loop.
void Poller::drain() {
    for (int round = 0; round < max_rounds && set_.is_open(); ++round) {
        if (run_round() == 0 && again_.empty()) break;
    }
    if (!set_.is_open()) return;
    if (again_.empty()) {
        wait();
    } else {
        boost::asio::post(io_, in_memory(memory_, [this] { drain(); }));
    }
}

int Poller::run_round() {
    std::array<epoll_event, max_events_per_round> events;
    const int count = ::epoll_wait(set_.native_handle(), events.data(), max_events_per_round, 0);
    round_began_ = Clock::now();
    PollHandlers turn;
    turn.swap(again_);
    for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        static_cast<PollHandler*>(event.data.ptr)->on_ready(event.events);
    }
    while (!turn.empty()) {
        PollHandler& handler = turn.front();
        turn.pop_front();
        handler.on_ready(0);
    }
    after_round_();
    return count;
}

}  // namespace ringway::proxy
