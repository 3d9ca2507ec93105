#include "proxy/net/lost_peer.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>

namespace ringway::proxy {

namespace {

using std::chrono::ceil;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A probe may be lost, and the next may be sent minutes later: one unanswered probe proves nothing.
constexpr unsigned enough_probes = 2;
constexpr int keepalive_probes = 3;

// Whether the peer's kernel has yet to answer something that was sent.
bool is_awaited(const tcp_info& info, std::size_t unacknowledged_bytes) {
    // With a zero window nothing is in flight between two probes, and each answer resets their
    // count.
    if (info.tcpi_unacked == 0) return info.tcpi_probes > 0;
    // The window may become zero while bytes are in flight; these are then the probe, and every
    // answer is newer than the last of them. A FIN alone is no such byte.
    return unacknowledged_bytes == 1 || info.tcpi_last_data_sent < info.tcpi_last_ack_recv;
}

}  // namespace

void watch_for_lost_peer(int socket, const conf::ListenerTimeouts& timeouts) {
    const auto set = [socket](int level, int option, std::int64_t value) {
        const int number = static_cast<int>(value);
        ::setsockopt(socket, level, option, &number, sizeof number);
    };
    // The kernel counts keepalives in whole seconds, up to 32,767.
    const auto whole = [](auto duration) {
        return std::clamp<std::int64_t>(ceil<seconds>(duration).count(), 1, 32'767);
    };
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, whole(timeouts.keepalive));
    set(IPPROTO_TCP, TCP_KEEPINTVL, whole(timeouts.unacknowledged / keepalive_probes));
    set(IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
}

bool means_lost(int error) {
    switch (error) {
        case ETIMEDOUT:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case EHOSTDOWN:
        case ENETDOWN:
            return true;
        default:
            return false;
    }
}

bool Silence::exceeds(Clock::duration limit, const tcp_info& info, std::size_t unacknowledged_bytes,
                      TimePoint now) {
    if (!is_awaited(info, unacknowledged_bytes)) {
        since_ = never;
        return false;
    }
    const TimePoint heard_at = now - milliseconds(info.tcpi_last_ack_recv);
    if (since_ == never || heard_at > since_) since_ = now;
    const bool asked_enough = info.tcpi_unacked > 0 || info.tcpi_probes >= enough_probes;
    return asked_enough && now - since_ >= limit;
}

}  // namespace ringway::proxy
