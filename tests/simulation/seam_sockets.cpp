// Listening sockets as values: which addresses are taken is up to a World.
#include "proxy/net/listen_sockets.h"

#include "tests/simulation/world.h"

namespace ringway::proxy {

std::vector<ino_t> ListenSockets::inodes() const {
    return {};
}

Result<ListenSockets> open_listen_sockets(const conf::Endpoint& address, std::size_t count,
                                          const Prepare& /*prepare*/) {
    if (const auto free = check_free(address); !free) return free.error();
    ListenSockets opened;
    opened.sockets.resize(count);
    return opened;
}

Result<void> check_free(const conf::Endpoint& address) {
    const std::string text = address.to_string();
    if (!simulation::World::current()->taken.contains(text)) return {};
    return Reason(text + " is in use by another process");
}

Result<void> check_free(const conf::Endpoint& address, const std::vector<ino_t>& /*ours*/) {
    return check_free(address);
}

void set_deferred_accept(int /*socket*/, std::chrono::seconds /*wait*/) {}

}  // namespace ringway::proxy
