// How a simulated connection begins and ends, and what its peer does.
#include <algorithm>
#include <cerrno>
#include <chrono>

#include "tests/simulation/data/link.h"

namespace ringway::simulation::data {

namespace {

using namespace std::chrono_literals;

LinkWatcher& watcher() {
    return *Kernel::current()->watcher;
}

}  // namespace

void Link::connect() {
    state = State::connecting;
    later(some_delay(), &Link::hear_answer);
}

void Link::hear_answer() {
    if (was_closed || state != State::connecting) return;
    state = State::open;
    heard_at = Kernel::current()->now();
    Kernel::current()->wake_soon(*this);
    watcher().connected(*this);
}

void Link::refuse(int with) {
    state = State::connecting;
    Kernel::current()->after(some_delay(), [this, with] {
        if (!was_closed) break_with(with);
    });
}

void Link::break_with(int with) {
    if (state == State::over) return;
    state = State::over;
    broke_at = Kernel::current()->now();
    if (was_closed) return;
    error = broke_with = with;
    Kernel::current()->wake_soon(*this);
}

void Link::closed() {
    watcher().closes(*this);
    was_closed = true;
    if (state != State::open) {
        state = State::over;
        return;
    }
    if (lingers_zero || unread() > 0) {
        was_dropped = true;
        return reset_to_peer();
    }
    if (!shut) watcher().ends(*this);
    shut = true;
    corked_ = false;
    carry();
    // An orphan whose peer takes nothing is given up.
    Kernel::current()->after(2s, [this] {
        if (state == State::open && window() == 0 && queued > sent) reset_to_peer();
    });
}

// What is on its way may be lost, or overtake the reset.
void Link::reset_to_peer() {
    if (carrying_ && !vanished && random_.one_in(2)) taken += on_its_way_;
    state = State::over;
    Kernel::current()->after(some_delay(), [this] { peer_saw_reset = true; });
    read_some();
}

void Link::write(std::uint64_t bytes) {
    if (ended || state != State::open || !peer_is_alive()) return;
    written += bytes;
    bring();
}

void Link::end() {
    if (ended || state != State::open || !peer_is_alive()) return;
    ended = true;
    bring();
}

void Link::close_peer() {
    if (state != State::open || !peer_is_alive()) return;
    if (taken > read) return reset_peer();
    end();
    peer_closed = true;
}

void Link::reset_peer() {
    if (state != State::open || !peer_is_alive()) return;
    const bool some_arrives = random_.one_in(2);
    const std::size_t free = settings.receive_room - std::min(settings.receive_room, unread());
    const auto most = std::min(static_cast<std::size_t>(written - arrived), free);
    if (some_arrives && most > 0) arrived += 1 + random_.below(most);
    if (some_arrives && ended && written == arrived) end_arrived = true;
    if (some_arrives && !was_closed) Kernel::current()->wake_soon(*this);
    written = arrived;
    peer_reset = true;
    later(some_delay(), &Link::hear_reset);
}

void Link::hear_reset() {
    break_with(end_arrived && !shut ? EPIPE : ECONNRESET);
}

void Link::vanish() {
    if (vanished || !peer_is_alive()) return;
    vanished = true;
    vanished_at = Kernel::current()->now();
    if (sent > acknowledged) unanswered_since = vanished_at;
    keep_alive();
}

void Link::pause() {
    paused = true;
}

void Link::resume() {
    paused = slow = false;
    if (peer_is_alive()) read_some();
}

// The probes of a connection on which nothing waits for an answer (tcp(7), SO_KEEPALIVE).
void Link::keep_alive() {
    if (!vanished || !keepalive.is_on || state != State::open || was_closed) return;
    const TimePoint now = Kernel::current()->now();
    const TimePoint due = heard_at + keepalive.idle + keepalive.count * keepalive.interval;
    if (due <= now && unacknowledged() == 0) return break_with(ETIMEDOUT);
    later(std::max<Duration>(due - now, 1s), &Link::keep_alive);
}

}  // namespace ringway::simulation::data
