#include "proxy/lost_peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace ringway::proxy {

void watch_for_lost_peer(int socket, const conf::ListenerTimeouts& timeouts) {
    const auto set = [socket](int level, int option, std::int64_t value) {
        const int number = static_cast<int>(value);
        ::setsockopt(socket, level, option, &number, sizeof number);
    };
    // The kernel counts keepalives in whole seconds, up to 32,767.
    const auto silence = std::chrono::ceil<std::chrono::seconds>(timeouts.keepalive).count();
    const auto seconds = std::clamp<std::int64_t>(silence, 1, 32'767);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, seconds);
    set(IPPROTO_TCP, TCP_KEEPINTVL, std::max<std::int64_t>(seconds / 4, 1));
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, timeouts.unacknowledged.count());
}

}  // namespace ringway::proxy
