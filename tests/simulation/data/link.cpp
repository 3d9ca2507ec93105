#include "tests/simulation/data/link.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace ringway::simulation::data {

namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// What a pipe's slot takes of a socket, at most.
constexpr std::size_t largest_piece = 32 << 10;
// The kernel's first retransmission or probe; each next waits twice as long.
constexpr milliseconds first_retry{200};
// After so long the tail of a send with MSG_MORE goes out all the same.
constexpr milliseconds longest_cork{200};

ssize_t fail(int error) {
    errno = error;
    return -1;
}

LinkWatcher& watcher() {
    return *Kernel::current()->watcher;
}

// How many retries there were, and when the last one was, of something sent at 0.
std::pair<unsigned, Duration> retries_after(Duration time) {
    unsigned count = 0;
    Duration last{0};
    for (Duration next = first_retry; next <= time; next = 2 * next + first_retry) {
        last = next;
        ++count;
    }
    return {count, last};
}

}  // namespace

LinkSettings LinkSettings::draw(RandomSource& random) {
    static constexpr std::array<Duration, 4> delays{20us, 200us, 2ms, 20ms};
    static constexpr std::array<std::size_t, 5> segments{1, 700, 1'448, 16 << 10, 64 << 10};
    static constexpr std::array<std::size_t, 5> rooms{4'608, 16 << 10, 64 << 10, 128 << 10,
                                                      1 << 20};
    LinkSettings drawn;
    drawn.latest = random.pick(delays);
    drawn.receive_room = random.pick(rooms);
    drawn.send_room = random.pick(rooms);
    drawn.peer_room = random.pick(rooms);
    drawn.largest_segment = random.one_in(20) ? 1 : random.pick(segments);
    if (drawn.largest_segment == 1) drawn.latest = 20us;
    return drawn;
}

void Link::set_up(std::uint64_t seed) {
    random_ = RandomSource(seed);
    settings = LinkSettings::draw(random_);
}

Duration Link::some_delay() {
    return Duration(random_.below(static_cast<std::size_t>(settings.latest.count())));
}

void Link::later(Duration delay, void (Link::*what)()) {
    Kernel::current()->after(delay, [this, what] { (this->*what)(); });
}

// From the peer to the proxy.

void Link::bring() {
    if (bringing_ || vanished || peer_reset || state != State::open) return;
    const bool bytes = written > arrived && (was_closed || unread() < settings.receive_room);
    const bool end = ended && !end_arrived && written == arrived;
    if (!bytes && !end) return;
    bringing_ = true;
    later(some_delay(), &Link::arrive);
}

void Link::arrive() {
    bringing_ = false;
    if (vanished || peer_reset || state != State::open) return;
    if (was_closed && written > arrived) return reset_to_peer();
    const std::size_t free = settings.receive_room - std::min(settings.receive_room, unread());
    const auto left = static_cast<std::size_t>(written - arrived);
    const std::size_t most = std::min({left, free, segment_of(left)});
    if (most > 0) arrived += random_.one_in(2) ? most : 1 + random_.below(most);
    if (ended && written == arrived && (most == 0 || random_.one_in(2))) end_arrived = true;
    Kernel& kernel = *Kernel::current();
    heard_at = kernel.now();
    if (end_arrived && end_acknowledged) state = State::over;
    if (!was_closed) kernel.wake_soon(*this);
    bring();
}

// Larger ones where much waits, so that a history of megabytes takes no minutes.
std::size_t Link::segment_of(std::size_t left) const {
    return std::max(settings.largest_segment, left / 32);
}

ssize_t Link::nothing_to_read() {
    if (end_arrived) return 0;
    if (error != 0) return fail(take_error());
    return state == State::over ? 0 : fail(EAGAIN);
}

ssize_t Link::receive(char* to, std::size_t room, bool peek) {
    const std::size_t some = std::min(room, unread());
    if (some == 0) return nothing_to_read();
    text_->copy(consumed, to, some);
    if (!peek) consumed += some;
    bring();
    return static_cast<ssize_t>(some);
}

ssize_t Link::fill(Pipe& pipe, std::size_t limit) {
    if (pipe.pieces.size() >= pipe.slots) return fail(EAGAIN);
    if (unread() == 0) return nothing_to_read();
    std::size_t moved = 0;
    while (pipe.pieces.size() < pipe.slots && moved < limit && unread() > 0) {
        const std::size_t some =
            std::min({limit - moved, unread(), 1 + random_.below(largest_piece)});
        pipe.push(*this, consumed, some);
        consumed += some;
        moved += some;
    }
    bring();
    return static_cast<ssize_t>(moved);
}

// From the proxy to the peer.

std::size_t Link::room() const {
    return settings.send_room -
           std::min(settings.send_room, static_cast<std::size_t>(queued - acknowledged));
}

std::size_t Link::window() const {
    return settings.peer_room -
           std::min(settings.peer_room, static_cast<std::size_t>(taken - read));
}

ssize_t Link::cannot_send() {
    if (state == State::connecting) return fail(EAGAIN);
    if (state == State::over || shut) return fail(error != 0 ? take_error() : EPIPE);
    wants_room_ = true;
    return fail(EAGAIN);
}

ssize_t Link::send(const char* bytes, std::size_t size, bool more) {
    const std::size_t some = std::min(size, room());
    if (state != State::open || shut || some == 0) return cannot_send();
    watcher().sends(*this, bytes, some);
    queued += some;
    wants_room_ = some < size;
    corked_ = more;
    if (more) {
        Kernel::current()->after(longest_cork, [this] {
            corked_ = false;
            carry();
        });
    }
    watcher().moved(*this);
    carry();
    return static_cast<ssize_t>(some);
}

ssize_t Link::drain(Pipe& pipe, std::size_t limit) {
    if (pipe.bytes == 0) return fail(EAGAIN);
    if (state != State::open || shut || room() == 0) return cannot_send();
    std::size_t moved = 0;
    while (moved < limit && pipe.bytes > 0 && room() > 0) {
        const std::size_t some = std::min({limit - moved, room(), pipe.pieces.front().bytes});
        watcher().sends(*this, pipe.pieces.front(), some);
        pipe.drop(some);
        queued += some;
        moved += some;
    }
    wants_room_ = moved < limit;
    corked_ = false;
    watcher().moved(*this);
    carry();
    return static_cast<ssize_t>(moved);
}

void Link::carry() {
    if (carrying_ || state != State::open) return;
    const bool held = corked_ && queued - taken < settings.largest_segment && !shut;
    const bool bytes = queued > taken && window() > 0 && !held;
    const bool end = shut && !end_taken && queued == taken;
    if (!bytes && !end) return;
    const TimePoint now = Kernel::current()->now();
    const std::uint64_t allowed = std::min<std::uint64_t>(queued, taken + window());
    const auto left = static_cast<std::size_t>(queued - taken);
    on_its_way_ = std::min(static_cast<std::size_t>(allowed - taken), segment_of(left));
    if (vanished && unanswered_since == TimePoint{}) unanswered_since = now;
    sent = std::max(sent, random_.one_in(4) ? taken + on_its_way_ : allowed);
    sent_at = now;
    carrying_ = true;
    if (!vanished) later(some_delay(), &Link::take);
}

void Link::take() {
    carrying_ = false;
    if (vanished || state != State::open || peer_reset) return;
    if (peer_closed && on_its_way_ > 0) return reset_peer();
    taken += on_its_way_;
    const bool all = queued == taken && shut;
    if (all && (on_its_way_ == 0 || random_.one_in(2))) end_taken = true;
    read_some();
    later(some_delay(), &Link::hear);
    carry();
}

void Link::hear() {
    if (vanished || state != State::open || peer_reset) return;
    Kernel& kernel = *Kernel::current();
    heard_at = kernel.now();
    if (acknowledged < taken) acknowledged_at = kernel.now();
    acknowledged = taken;
    const bool end_is_new = end_taken && !end_acknowledged;
    if (end_is_new) acknowledged_at = kernel.now();
    end_acknowledged = end_taken;
    if (end_arrived && end_acknowledged) state = State::over;
    const bool has_room = wants_room_ && is_writable();
    if (has_room) wants_room_ = false;
    if (!was_closed && (has_room || end_is_new)) kernel.wake_soon(*this);
}

void Link::read_some() {
    if (paused || vanished || reading_ || taken == read) return;
    reading_ = true;
    const Duration delay = slow ? 5 * some_delay() + 100us : some_delay() / 4;
    Kernel::current()->after(delay, [this] {
        reading_ = false;
        if (paused || vanished || taken == read) return;
        const auto some = static_cast<std::size_t>(taken - read);
        read += slow ? 1 + random_.below(some) : some;
        carry();
        read_some();
    });
}

std::size_t Link::unacknowledged() const {
    if (state == State::fresh || state == State::connecting) return 0;
    return static_cast<std::size_t>(queued - acknowledged) + (shut && !end_acknowledged ? 1 : 0);
}

std::size_t Link::unsent() const {
    if (state == State::fresh || state == State::connecting) return 0;
    return static_cast<std::size_t>(queued - sent) + (shut && sent < queued ? 1 : 0);
}

// The shutdown itself is an event too (net/ipv4/af_inet.c, inet_shutdown).
int Link::shut_down_writing() {
    if (state != State::open) return static_cast<int>(fail(ENOTCONN));
    if (shut) return 0;
    watcher().ends(*this);
    shut = true;
    corked_ = false;
    watcher().moved(*this);
    Kernel::current()->wake(*this);
    carry();
    return 0;
}

// What poll(2) says (net/ipv4/tcp.c, tcp_poll).
std::uint32_t Link::ready() const {
    if (state == State::fresh) return EPOLLOUT | EPOLLHUP;
    if (state == State::connecting) return 0;
    const bool no_more_in = end_arrived || state == State::over;
    const bool no_more_out = shut || state == State::over;
    std::uint32_t events = 0;
    if (no_more_in && no_more_out) events |= EPOLLHUP;
    if (no_more_in) events |= EPOLLIN | EPOLLRDHUP;
    if (unread() > 0) events |= EPOLLIN;
    if (no_more_out || is_writable()) {
        events |= EPOLLOUT;
    } else {
        wants_room_ = true;
    }
    if (error != 0) events |= EPOLLERR;
    return events;
}

void Link::told(std::uint32_t events) {
    const TimePoint now = Kernel::current()->now();
    if ((events & EPOLLERR) != 0 && !std::exchange(told_broken, true)) told_broken_at = now;
    if ((events & EPOLLOUT) != 0 && !std::exchange(told_writable, true)) told_writable_at = now;
}

tcp_info Link::info() const {
    const TimePoint now = Kernel::current()->now();
    const auto ms = [](Duration time) {
        return static_cast<std::uint32_t>(std::chrono::floor<milliseconds>(time).count());
    };
    const bool end_is_out = shut && sent == queued && !end_acknowledged;
    tcp_info info{};
    info.tcpi_unacked = sent > acknowledged || end_is_out ? 1 : 0;
    info.tcpi_last_ack_recv = ms(now - heard_at);
    info.tcpi_last_data_sent = ms(now - sent_at);
    if (!vanished) return info;
    if (sent > acknowledged) {
        info.tcpi_last_data_sent =
            ms(now - unanswered_since - retries_after(now - unanswered_since).second);
    } else if (queued > sent) {
        info.tcpi_probes =
            static_cast<std::uint8_t>(retries_after(now - std::max(vanished_at, sent_at)).first);
    }
    return info;
}

}  // namespace ringway::simulation::data
