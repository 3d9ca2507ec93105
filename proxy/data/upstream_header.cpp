#include "proxy/data/upstream_header.h"

#include <cassert>
#include <cstdint>

#include "proxy/base/random.h"
#include "proxy/keys/proxy_header.h"

namespace ringway::proxy {

namespace {

constexpr std::size_t new_unique_id_bytes = 16;

}  // namespace

std::string upstream_header(const conf::SendProxy& settings, const Preread& preread) {
    const Origin& origin = preread.origin();
    assert(origin.destination);
    std::string authority;
    std::string unique_id;
    if (settings.authority) authority = preread.authority();
    if (settings.unique_id) {
        const auto received = tlv_of(origin.tlvs, static_cast<std::uint8_t>(ProxyTlv::unique_id));
        unique_id = received ? std::string(*received) : random_hex(new_unique_id_bytes);
    }
    return proxy_header(settings.version,
                        {.source = origin.source,
                         .destination = *origin.destination,
                         .is_datagram = origin.is_datagram,
                         .authority = authority,
                         .unique_id = unique_id,
                         .tls = settings.tls && origin.tls ? &*origin.tls : nullptr});
}

}  // namespace ringway::proxy
