#include "health/source.h"

#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <sys/socket.h>

namespace ringway::health {

namespace {

struct Name {
    sockaddr_storage address{};
    socklen_t size = sizeof(sockaddr_storage);
};

}  // namespace

int bind_source(int socket, const conf::Endpoint& source) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    Name name;
    if (source.is_v6) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        std::memcpy(&v6.sin6_addr, source.address.data(), sizeof v6.sin6_addr);
        name.size = sizeof v6;
        std::memcpy(&name.address, &v6, sizeof v6);
    } else {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        std::memcpy(&v4.sin_addr, source.address.data(), sizeof v4.sin_addr);
        name.size = sizeof v4;
        std::memcpy(&name.address, &v4, sizeof v4);
    }
    const auto* const address = reinterpret_cast<const sockaddr*>(&name.address);
    return ::bind(socket, address, name.size) == 0 ? 0 : errno;
}

std::string address_text(const conf::Endpoint& source) {
    std::string text = source.to_string();
    return text.erase(text.rfind(':'));
}

const conf::Endpoint* source_for(const conf::ConnectSettings& settings,
                                 const conf::Endpoint& server) {
    if (server.is_unix) return nullptr;
    const auto& source = server.is_v6 ? settings.source_v6 : settings.source_v4;
    return source ? &*source : nullptr;
}

bool is_connected_to_itself(int socket) {
    Name own;
    Name peer;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&own.address), &own.size) != 0 ||
        ::getpeername(socket, reinterpret_cast<sockaddr*>(&peer.address), &peer.size) != 0) {
        return false;
    }
    const auto family = own.address.ss_family;
    if ((family != AF_INET && family != AF_INET6) || own.size != peer.size) return false;
    return std::memcmp(&own.address, &peer.address, own.size) == 0;
}

}  // namespace ringway::health
