#include "proxy/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace ringway::proxy {

SocketAddress::SocketAddress(const conf::Endpoint& endpoint) : SocketAddress() {
    if (endpoint.is_v6) {
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

SocketAddress::SocketAddress() : v6{}, size(sizeof v6) {}

conf::Endpoint to_endpoint(const SocketAddress& address) {
    conf::Endpoint endpoint;
    if (address.any.sa_family == AF_INET) {
        endpoint.port = ntohs(address.v4.sin_port);
        std::memcpy(endpoint.address.data(), &address.v4.sin_addr, sizeof address.v4.sin_addr);
        return endpoint;
    }
    endpoint.port = ntohs(address.v6.sin6_port);
    const auto* bytes = address.v6.sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr)) {
        std::copy_n(bytes + 12, 4, endpoint.address.begin());
    } else {
        endpoint.is_v6 = true;
        std::copy_n(bytes, 16, endpoint.address.begin());
    }
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
