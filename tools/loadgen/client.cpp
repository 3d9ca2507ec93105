#include "tools/loadgen/client.h"

#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

namespace ringway::loadgen {

namespace {

using std::chrono::milliseconds;

// A link that failed is retried after this time: against a dead address the load must fail, not
// spin.
constexpr milliseconds rest{10};
constexpr milliseconds sweep_interval{50};

}  // namespace

Client::Client(const RunOptions& options, Share share)
    : options_(options), share_(std::move(share)), links_(share_.links) {
    for (unsigned i = 0; i < share_.links; ++i) links_[i].index = i;
    if (!options_.tls_name.empty()) tls_.emplace(options_.tls_name, options_.tls_resumes);
}

Result Client::run() {
    ::prctl(PR_SET_TIMERSLACK, 1);  // waits of an open loop are exact, not up to 50 us late
    now_ = Clock::now();
    warm_at_ = now_ + options_.warmup;
    window_end_ = TimePoint::max();
    sweep_at_ = now_ + sweep_interval;
    if (share_.rate > 0) schedule_.emplace(share_.rate, now_);
    for (Link& link : links_) resting_.push_back({now_, &link});
    while (phase_ != Phase::over) {
        const auto ready = events_.wait(patience());
        now_ = Clock::now();
        turn_phase();
        for (const epoll_event& event : ready) {
            dispatch(*static_cast<Link*>(event.data.ptr), event.events);
        }
        wake_rested();
        give_what_is_due();
        on_turn();
        if (now_ >= sweep_at_) sweep();
    }
    return std::move(result_);
}

void Client::dispatch(Link& link, std::uint32_t events) {
    if (link.state == Link::State::closed) return;
    if (link.state == Link::State::open) return on_ready(link, events);
    if (link.state == Link::State::handshake) return shake_hands(link);
    if (const int error = take_error(link.socket); error != 0) return fail_by_errno(link, error);
    if (!tls_) {
        stands(link);
        return on_connected(link);
    }
    send_at_once(link.socket);
    link.tls = tls_->connect(link.socket);
    if (link.state == Link::State::connecting) --dialling_;
    link.state = Link::State::handshake;
    rewatch(link, EPOLLIN);
    shake_hands(link);
}

void Client::shake_hands(Link& link) {
    const int done = loadgen::shake_hands(link.tls.get());
    if (done < 0) return fail_by_errno(link, errno);
    if (done == 0) return;
    stands(link);
    on_connected(link);
}

ssize_t Client::send(const Link& link, const void* bytes, std::size_t size) {
    return link.tls ? loadgen::send(link.tls.get(), bytes, size)
                    : ::send(link.socket.get(), bytes, size, MSG_NOSIGNAL);
}

ssize_t Client::receive(const Link& link, void* room, std::size_t size) {
    return link.tls ? loadgen::receive(link.tls.get(), room, size)
                    : ::recv(link.socket.get(), room, size, 0);
}

void Client::end_sending(const Link& link) {
    if (link.tls) SSL_shutdown(link.tls.get());
    ::shutdown(link.socket.get(), SHUT_WR);
}

void Client::stands(Link& link) {
    if (link.state == Link::State::connecting) --dialling_;
    link.state = Link::State::open;
}

// How long nothing needs to be done unless a socket has something.
Duration Client::patience() const {
    Duration wait = longest_wait_;
    if (schedule_ && !free_.empty()) wait = std::min(wait, schedule_->next() - now_);
    if (!resting_.empty() && may_activate()) {
        wait = std::min(wait, resting_.front().until - now_);
    }
    if (phase_ == Phase::warming) wait = std::min(wait, std::max(warm_at_ - now_, Duration(1)));
    if (phase_ == Phase::measuring) wait = std::min(wait, window_end_ - now_);
    return wait;
}

void Client::turn_phase() {
    if (phase_ == Phase::warming && is_warm()) begin_window();
    const bool all_done = all_given() && busy_ == 0;
    if (phase_ == Phase::measuring && (now_ >= window_end_ || all_done)) end_window();
    const bool is_due = schedule_ && !all_given() && schedule_->next() < window_end_;
    const bool waiting = busy_ > 0 || is_due;
    if (phase_ == Phase::ending && (!waiting || now_ >= give_up_at_)) end();
}

void Client::begin_window() {
    phase_ = Phase::measuring;
    window_begin_ = now_;
    window_end_ = now_ + options_.window;
    if (share_.meter != nullptr) share_.meter->begin();
    on_window_begin();
}

void Client::end_window() {
    phase_ = Phase::ending;
    if (share_.meter != nullptr) share_.meter->end();
    result_.seconds = std::chrono::duration<double>(now_ - window_begin_).count();
    window_end_ = now_;
    give_up_at_ = now_ + options_.timeout;
    on_window_end();
}

// Operations that were due and found no link until now count as failed: leaving them out would make
// a stalled server look fast.
void Client::end() {
    result_.failures.add(Failure::unfinished, busy_);
    while (schedule_ && !all_given() && schedule_->next() < window_end_) {
        schedule_->take();
        ++given_;
        result_.failures.add(Failure::unfinished);
    }
    phase_ = Phase::over;
}

void Client::connect(Link& link) {
    if (begin_to_connect(link)) watch(link, EPOLLIN | EPOLLOUT);
}

bool Client::begin_to_connect(Link& link) {
    const auto& sources = options_.sources;
    const std::size_t turn = link.index + link.number + share_.thread;
    link.socket =
        dial(options_.connect, sources.empty() ? nullptr : &sources[turn % sources.size()]);
    link.since = now_;
    if (!link.socket) {
        fail_by_errno(link, errno);
        return false;
    }
    link.state = Link::State::connecting;
    ++dialling_;
    return true;
}

void Client::watch(Link& link, std::uint32_t events) {
    if (!events_.add(link.socket, &link, events)) fail_by_errno(link, errno);
}

void Client::rewatch(Link& link, std::uint32_t events) {
    events_.change(link.socket, &link, events);
}

void Client::offer(Link& link) {
    const bool begin_now = !schedule_ && !ending() && !all_given();
    if (begin_now) return give(link, now_);
    free_.push_back(&link);
}

void Client::give(Link& link, TimePoint due) {
    ++given_;
    ++link.number;
    link.due = due;
    link.since = now_;
    set_busy(link);
    start(link);
}

void Client::give_what_is_due() {
    while (schedule_ && !free_.empty() && !all_given()) {
        if (schedule_->next() > now_ || schedule_->next() >= window_end_) return;
        Link* const link = free_.front();
        free_.pop_front();
        give(*link, schedule_->take());
    }
}

void Client::finish(Link& link) {
    now_ = Clock::now();
    set_idle(link);
    const bool counts = schedule_ ? link.due >= window_begin_ && phase_ != Phase::warming
                                  : phase_ == Phase::measuring;
    if (counts) {
        const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(now_ - link.due);
        result_.latency.add(static_cast<std::uint64_t>(took.count()));
        ++result_.operations;
    }
    offer(link);
}

void Client::set_busy(Link& link) {
    link.busy = true;
    ++busy_;
}

void Client::set_idle(Link& link) {
    link.busy = false;
    --busy_;
}

void Client::fail(Link& link, Failure failure) {
    result_.failures.add(failure);
    if (link.busy) {
        set_idle(link);
    } else {
        std::erase(free_, &link);
    }
    close(link);
    resting_.push_back({now_ + rest, &link});
}

void Client::fail_by_errno(Link& link, int error) {
    switch (error) {
        case ECONNREFUSED:
            return fail(link, Failure::refused);
        case ETIMEDOUT:
            return fail(link, Failure::timeout);
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
        case ENOSPC:
        case EADDRNOTAVAIL:
            return fail(link, Failure::local);
        default:
            return fail(link, Failure::reset);
    }
}

void Client::close(Link& link) {
    if (link.state == Link::State::connecting) --dialling_;
    link.tls.reset();
    link.socket.close();
    link.state = Link::State::closed;
}

void Client::wake_rested() {
    while (!resting_.empty() && resting_.front().until <= now_ && may_activate()) {
        Link* const link = resting_.front().link;
        resting_.pop_front();
        if (!ending()) activate(*link);
    }
}

void Client::sweep() {
    sweep_at_ = now_ + sweep_interval;
    if (ending()) return;  // the end has a limit of its own
    for (Link& link : links_) {
        const bool waits = link.busy || link.state == Link::State::connecting ||
                           link.state == Link::State::handshake;
        if (waits && now_ - link.since > options_.timeout) fail(link, Failure::timeout);
    }
}

std::string Client::key_line(const Link& link) const {
    if (!options_.key_line) return {};
    return fmt::format("key-{}-{}\n", share_.thread, link.index);
}

}  // namespace ringway::loadgen
