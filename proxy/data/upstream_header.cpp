#include "proxy/data/upstream_header.h"

#include <sys/socket.h>

#include <cstdint>

#include "proxy/base/random.h"
#include "proxy/keys/proxy_header.h"
#include "proxy/net/address.h"

namespace ringway::proxy {

namespace {

constexpr std::size_t new_unique_id_bytes = 16;

}  // namespace

conf::Endpoint local_address(const Fd& socket) {
    SocketAddress address;
    ::getsockname(socket.get(), &address.any, &address.size);
    return to_endpoint(address);
}

std::string header_for_server(const conf::SendProxy& settings, const Intake& intake,
                              const Fd& client) {
    const Origin& origin = intake.origin();
    const auto destination = origin.destination ? *origin.destination : local_address(client);
    std::string authority;
    std::string unique_id;
    if (settings.authority) authority = intake.authority();
    if (settings.unique_id) {
        const auto told = tlv_of(origin.tlvs, static_cast<std::uint8_t>(ProxyTlv::unique_id));
        unique_id = told ? std::string(*told) : random_hex(new_unique_id_bytes);
    }
    return proxy_header(settings.version, {.source = origin.source,
                                           .destination = destination,
                                           .is_datagram = origin.is_datagram,
                                           .authority = authority,
                                           .unique_id = unique_id});
}

}  // namespace ringway::proxy
