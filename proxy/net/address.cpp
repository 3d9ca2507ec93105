#include "proxy/net/address.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "conf/limits.h"

namespace ringway::proxy {

namespace {

// The leading bytes of the IPv6 addresses that map IPv4 ones.
constexpr std::array<std::uint8_t, 12> mapping{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// Paths in the file are short enough: they are never cut.
static_assert(conf::socket_path_bytes_max == sizeof(sockaddr_un::sun_path) - 1);

}  // namespace

SocketAddress::SocketAddress(const conf::Endpoint& endpoint) : SocketAddress() {
    if (endpoint.is_unix) {
        local.sun_family = AF_UNIX;
        const auto room = sizeof local.sun_path - 1;
        local.sun_path[endpoint.path.copy(local.sun_path, room)] = '\0';
        size = sizeof local;
    } else if (endpoint.is_v6) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(endpoint.port);
        std::memcpy(&v6.sin6_addr, endpoint.address.data(), sizeof v6.sin6_addr);
        size = sizeof v6;
    } else {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(endpoint.port);
        std::memcpy(&v4.sin_addr, endpoint.address.data(), sizeof v4.sin_addr);
        size = sizeof v4;
    }
}

SocketAddress::SocketAddress() : local{}, size(sizeof local) {}

conf::Endpoint to_endpoint(const SocketAddress& address) {
    conf::Endpoint endpoint;
    if (address.any.sa_family == AF_UNIX) {
        endpoint.is_unix = true;
        // An unnamed socket has no path, and a path may lack its NUL; an abstract name begins with
        // a NUL and takes the remaining length (unix(7)).
        const auto* const path = static_cast<const char*>(address.local.sun_path);
        if (address.size > offsetof(sockaddr_un, sun_path)) {
            const auto left = std::min(address.size - offsetof(sockaddr_un, sun_path),
                                       sizeof address.local.sun_path);
            endpoint.path.assign(path, path[0] == '\0' ? left : ::strnlen(path, left));
        }
        return endpoint;
    }
    if (address.any.sa_family == AF_INET) {
        endpoint.port = ntohs(address.v4.sin_port);
        std::memcpy(endpoint.address.data(), &address.v4.sin_addr, sizeof address.v4.sin_addr);
        return endpoint;
    }
    endpoint.is_v6 = true;
    endpoint.port = ntohs(address.v6.sin6_port);
    std::memcpy(endpoint.address.data(), &address.v6.sin6_addr, sizeof address.v6.sin6_addr);
    return unmapped(endpoint);
}

conf::Endpoint mapped(conf::Endpoint endpoint) {
    if (endpoint.is_v6) return endpoint;
    std::copy_n(endpoint.address.begin(), 4, endpoint.address.begin() + mapping.size());
    std::copy(mapping.begin(), mapping.end(), endpoint.address.begin());
    endpoint.is_v6 = true;
    return endpoint;
}

KeptEndpoint::KeptEndpoint(const conf::Endpoint& endpoint)
    : address_(endpoint.address),
      port_(endpoint.port),
      is_v6_(endpoint.is_v6),
      path_(endpoint.is_unix ? std::make_unique<const std::string>(endpoint.path) : nullptr) {}

conf::Endpoint KeptEndpoint::endpoint() const {
    conf::Endpoint endpoint{.is_v6 = is_v6_, .address = address_, .port = port_};
    if (path_ == nullptr) return endpoint;
    endpoint.is_unix = true;
    endpoint.path = *path_;
    return endpoint;
}

std::string masked_address(const conf::Endpoint& endpoint, int prefix) {
    auto bytes = endpoint.address;
    for (int i = 0; i < static_cast<int>(bytes.size()); ++i) {
        const int kept = std::clamp(prefix - 8 * i, 0, 8);
        auto& byte = bytes[static_cast<std::size_t>(i)];
        byte = static_cast<std::uint8_t>(byte & (0xff00 >> kept));
    }
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(endpoint.is_v6 ? AF_INET6 : AF_INET, bytes.data(), text.data(), text.size());
    return text.data();
}

}  // namespace ringway::proxy
