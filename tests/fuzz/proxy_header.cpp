// Is the answer to some bytes the same when more of them come, is what was read sent
// and read again the same?
#include "proxy/keys/proxy_header.h"

#include <cstdlib>
#include <string>

using namespace ringway;
using proxy::ProxyParseStatus;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

void check_round_trip(const proxy::ProxyHeader& header) {
    if (!header.source) return;
    const conf::ProxyProtocol any{.v1 = true, .v2 = true};
    for (const auto version : {conf::SendProxy::Version::v1, conf::SendProxy::Version::v2}) {
        const auto sent = proxy::proxy_header(version, {.source = *header.source,
                                                        .destination = *header.destination,
                                                        .is_datagram = header.is_datagram});
        proxy::ProxyHeader again;
        require(proxy::read_proxy_header(sent, any, again) == ProxyParseStatus::found);
        const bool told = version == conf::SendProxy::Version::v2 ||
                          (!header.is_datagram && !header.source->is_unix);
        require(again.source.has_value() == told);
        if (told) {
            require(again.source == header.source && again.destination == header.destination);
            require(again.is_datagram == header.is_datagram);
        }
        require(again.bytes == sent.size());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    if (size < 2) return 0;
    const conf::ProxyProtocol accepted{.v1 = (data[0] & 1) == 0, .v2 = (data[0] & 2) == 0};
    const std::string bytes(data + 2, data + size);
    proxy::ProxyHeader header;
    const ProxyParseStatus whole = proxy::read_proxy_header(bytes, accepted, header);

    proxy::ProxyHeader unused;
    const std::string part = bytes.substr(0, bytes.size() * data[1] / 255);
    const ProxyParseStatus before = proxy::read_proxy_header(part, accepted, unused);
    require(before == ProxyParseStatus::more || before == whole);
    if (whole != ProxyParseStatus::more) {
        require(proxy::read_proxy_header(bytes + "\n", accepted, unused) == whole);
    }
    if (whole != ProxyParseStatus::found) return 0;
    require(header.bytes > 0 && header.bytes <= bytes.size());
    for (int type = 0; type < 256; ++type) {
        proxy::tlv_of(header.tlvs, static_cast<std::uint8_t>(type));
    }
    check_round_trip(header);
    return 0;
}
