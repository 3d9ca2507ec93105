// Listening sockets as values: which addresses are taken is up to a World.
#include "proxy/net/listen_sockets.h"

#include "tests/simulation/world.h"

namespace ringway::proxy {

std::vector<ino_t> ListenSockets::inodes() const {
    return {};
}

std::variant<ListenSockets, std::string> open_listen_sockets(const conf::Endpoint& address,
                                                             std::size_t count,
                                                             const Prepare& /*prepare*/) {
    if (auto reason = why_not_free(address)) return std::move(*reason);
    ListenSockets opened;
    opened.sockets.resize(count);
    return opened;
}

std::optional<std::string> why_not_free(const conf::Endpoint& address) {
    const std::string text = address.to_string();
    if (!simulation::World::current()->taken.contains(text)) return std::nullopt;
    return text + " is in use by another process";
}

std::optional<std::string> why_not_free(const conf::Endpoint& address,
                                        const std::vector<ino_t>& /*ours*/) {
    return why_not_free(address);
}

}  // namespace ringway::proxy
