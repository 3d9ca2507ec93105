#include "proxy/net/poller.h"

#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

namespace ringway::proxy {

namespace {

constexpr std::size_t max_events_per_round = 256;

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

Fd create_set() {
    Fd set(::epoll_create1(EPOLL_CLOEXEC));
    if (!set) fail("epoll_create1");
    return set;
}

PollHandler& handler_of(const epoll_event& event) {
    return *static_cast<PollHandler*>(event.data.ptr);
}

}  // namespace

Alarm::Alarm() : fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
    if (!fd_) fail("timerfd_create");
}

void Alarm::set(TimePoint due) {
    using namespace std::chrono;
    if (due >= due_) return;
    due_ = due;
    // Zero would switch it off.
    const nanoseconds at = std::max<nanoseconds>(due.time_since_epoch(), nanoseconds(1));
    const auto whole = floor<seconds>(at);
    itimerspec time{};
    time.it_value = {.tv_sec = whole.count(), .tv_nsec = (at - whole).count()};
    ::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &time, nullptr);
}

// It needs no read: it is watched for edges, and set() takes the old one back.
void Alarm::on_ready(std::uint32_t /*events*/) {
    due_ = TimePoint::max();
    rang_ = true;
}

bool Alarm::take_rang() {
    return std::exchange(rang_, false);
}

Poller::Poller(std::unique_ptr<Batch> batch) : batch_(std::move(batch)), set_(create_set()) {
    if (!add(alarm_.descriptor(), alarm_, EPOLLIN | EPOLLET)) fail("epoll_ctl");
}

bool Poller::add(int fd, PollHandler& handler, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &handler;
    return ::epoll_ctl(set_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool Poller::modify(int fd, PollHandler& handler, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &handler;
    return ::epoll_ctl(set_.get(), EPOLL_CTL_MOD, fd, &event) == 0;
}

void Poller::close(Fd socket) {
    if (batch_ != nullptr) batch_->begin_close(std::move(socket));
}

void Poller::call_again(PollHandler& handler) {
    if (!handler.is_linked()) again_.push_back(handler);
}

int Poller::run_round(TimePoint limit) {
    if (batch_ != nullptr) batch_->close_all();
    std::array<epoll_event, max_events_per_round> room;
    const int count = std::max(wait(room, limit), 0);
    ++round_;
    round_began_ = Clock::now();
    PollHandlers turn;
    turn.swap(again_);
    handle(std::span(room).first(static_cast<std::size_t>(count)));
    int calls = alarm_.take_rang() ? count - 1 : count;
    for (; !turn.empty(); ++calls) {
        PollHandler& handler = turn.front();
        turn.pop_front();
        handler.on_ready(0);
    }
    return calls + give_turns();
}

bool Poller::takes_turn(PollHandler& handler) {
    if (std::exchange(turn_of_, nullptr) == &handler) return true;
    if (!handler.is_linked()) waiting_.push_back(handler);
    return false;
}

int Poller::give_turns() {
    if (waiting_.empty()) return 0;
    const TimePoint end = Clock::now() + longest_turns;
    int calls = 0;
    do {
        PollHandler& handler = waiting_.front();
        waiting_.pop_front();
        turn_of_ = &handler;
        handler.on_ready(0);
        turn_of_ = nullptr;
        ++calls;
    } while (!waiting_.empty() && Clock::now() < end);
    return calls;
}

// One event alone has nothing to share a call with.
void Poller::handle(std::span<const epoll_event> events) {
    if (batch_ == nullptr || events.size() == 1) {
        for (const epoll_event& event : events) handler_of(event).on_ready(event.events);
        return;
    }
    while (!events.empty()) {
        const auto part = events.first(std::min(events.size(), Batch::slot_count));
        handle_together(part, *batch_);
        events = events.subspan(part.size());
    }
}

// All that these sockets have is read; then each handler sees what came, and what it gives on is
// written together.
void Poller::handle_together(std::span<const epoll_event> events, Batch& batch) {
    for (const epoll_event& event : events) handler_of(event).begin_read(event.events, batch);
    batch.run();
    for (const epoll_event& event : events) handler_of(event).on_ready(event.events);
    while (batch.run()) {
        for (Batch::Slot& slot : batch.slots()) {
            if (slot.is_written()) slot.owner().on_ready(0);
        }
    }
    batch.clear();
}

int Poller::wait(std::span<epoll_event> room, TimePoint limit) {
    const int size = static_cast<int>(room.size());
    if (!again_.empty() || !waiting_.empty()) return ::epoll_wait(set_.get(), room.data(), size, 0);
    alarm_.set(limit);
    return ::epoll_wait(set_.get(), room.data(), size, -1);
}

}  // namespace ringway::proxy
