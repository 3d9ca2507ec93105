#include "proxy/data/standstill.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace ringway::proxy {

namespace {

using std::chrono::milliseconds;

// How long a relay that waits for acknowledgements before a reset waits to look
// again: longer each time that nothing has moved.
constexpr milliseconds shortest_settle_pause{5};
constexpr milliseconds longest_settle_pause{250};

// A fourth of the time after which a peer is lost, so that it is detected at most a fourth
// late. A relay in which nothing moves and nothing waits is not checked.
milliseconds pause_between_looks(const conf::ListenerTimeouts& timeouts) {
    return timeouts.unacknowledged / 4 + milliseconds(1);
}

bool is_lost(const Side& side, Silence& silence, std::size_t left, milliseconds limit,
             TimePoint now) {
    if (side.broken || left == 0) return false;
    const auto info = kernel_info(side.stream);
    return info && silence.exceeds(limit, *info, left, now);
}

// When the peer's kernel last acknowledged anything.
TimePoint heard_at(const Side& side, TimePoint now) {
    const auto info = kernel_info(side.stream);
    return info ? now - milliseconds(info->tcpi_last_ack_recv) : TimePoint::min();
}

}  // namespace

void Standstill::moved(TimePoint now, const conf::ListenerTimeouts& timeouts) {
    moved_at_ = now;
    unacknowledged_ = nothing_asked;
    if (look_at_ == TimePoint::max()) look_at_ = now + pause_between_looks(timeouts);
}

bool Standstill::look(Relay& relay, Relay::State state, const conf::ListenerTimeouts& timeouts,
                      TimePoint now) {
    const bool for_signs = look_at_ <= now;
    const bool settling = state == Relay::State::settling;
    if (!for_signs && !settling && now < deadline(relay, timeouts)) return false;

    const std::array<Side*, 2> sides{&relay.client(), &relay.server()};
    const std::array left{sides[0]->stream.unacknowledged_bytes(),
                          sides[1]->stream.unacknowledged_bytes()};
    const bool is_first = unacknowledged_ == nothing_asked;
    note_unacknowledged(left[0] + left[1], now);
    // All was acknowledged since it moved, and nobody has looked meanwhile.
    if (is_first && unacknowledged_ == 0) {
        moved_at_ = std::max({moved_at_, heard_at(*sides[0], now), heard_at(*sides[1], now)});
    }
    if (!for_signs) return false;

    look_at_ = unacknowledged_ > 0 ? now + pause_between_looks(timeouts) : TimePoint::max();
    bool lost = false;
    for (std::size_t i = 0; i < sides.size(); ++i) {
        if (!is_lost(*sides[i], silences_[i], left[i], timeouts.unacknowledged, now)) continue;
        sides[i]->set_broken(ETIMEDOUT);
        moved_at_ = now;
        lost = true;
    }
    return lost;
}

// Whether a peer has acknowledged some of what the kernel still held for it when last
// asked: a slow reader is not an idle one.
void Standstill::note_unacknowledged(std::size_t bytes, TimePoint now) {
    const auto left = static_cast<std::uint32_t>(std::min<std::size_t>(bytes, nothing_asked - 1));
    const std::uint32_t before = std::exchange(unacknowledged_, left);
    const bool caught_up = before == nothing_asked ? left > 0 : left < before;
    if (caught_up) moved_at_ = now;
    const auto longer =
        std::clamp(milliseconds(settle_pause_) * 2, shortest_settle_pause, longest_settle_pause);
    settle_pause_ = std::chrono::duration_cast<decltype(settle_pause_)>(
        caught_up ? shortest_settle_pause : longer);
}

CloseReason Standstill::timeout(const Relay& relay) const {
    return relay.half_closed() && !reader_pauses() ? CloseReason::half_close_timeout
                                                   : CloseReason::idle_timeout;
}

TimePoint Standstill::next_look(Relay::State state, TimePoint deadline, TimePoint now) const {
    if (state == Relay::State::settling) return now + settle_pause_;
    return std::min(deadline, look_at_);
}

}  // namespace ringway::proxy
