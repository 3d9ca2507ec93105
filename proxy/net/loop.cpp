#include "proxy/net/loop.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

namespace ringway::proxy {

namespace {

constexpr std::chrono::milliseconds delay_probe_interval{200};

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Loop::Bell::Bell() : fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!fd) fail("eventfd");
}

void Loop::Bell::ring() {
    ::eventfd_write(fd.get(), 1);
}

void Loop::Bell::on_ready(std::uint32_t /*events*/) {
    eventfd_t count = 0;
    ::eventfd_read(fd.get(), &count);
    rang = true;
}

Loop::DelayProbe::DelayProbe(Timers& timers) : timers_(timers) {
    set(Clock::now());
}

void Loop::DelayProbe::on_deadline() {
    const TimePoint now = Clock::now();
    delays.observe(now - due_);
    set(now);
}

void Loop::DelayProbe::set(TimePoint now) {
    due_ = Timers::on_grid(now + delay_probe_interval);
    timers_.set(*this, due_);
}

Loop::Loop(std::function<void()> after_round, std::unique_ptr<Batch> batch)
    : after_round_(std::move(after_round)), poller_(std::move(batch)) {
    if (!poller_.add(bell_.fd.get(), bell_, EPOLLIN)) fail("epoll_ctl");
}

void Loop::post(std::function<void()> command) {
    {
        const std::lock_guard lock(mutex_);
        commands_.push_back(std::move(command));
        if (commands_.size() > 1) return;  // the bell was rung for those before
    }
    bell_.ring();
}

void Loop::run() {
    while (!stopped_) run_round();
}

void Loop::run_round(TimePoint limit) {
    poller_.run_round(std::min(limit, timers_.next()));
    if (timers_.next() <= poller_.round_began()) timers_.run(poller_.round_began());
    if (std::exchange(bell_.rang, false)) run_commands();
    after_round_();
}

void Loop::run_commands() {
    std::vector<std::function<void()>> commands;
    {
        const std::lock_guard lock(mutex_);
        commands.swap(commands_);
    }
    for (auto& command : commands) {
        if (stopped_) return;
        command();
        command = nullptr;
        after_round_();
    }
}

}  // namespace ringway::proxy
