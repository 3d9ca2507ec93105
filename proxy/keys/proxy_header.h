// The PROXY protocol's header, versions 1 and 2, received and sent (HAProxy's
// proxy-protocol.txt). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "conf/config.h"
#include "proxy/tls/facts.h"

namespace ringway::proxy {

// Types of the fields that a header of version 2 may end with (section 2.2).
enum class ProxyTlv : std::uint8_t {
    alpn = 0x01,
    authority = 0x02,
    crc32c = 0x03,
    noop = 0x04,
    unique_id = 0x05,
    ssl = 0x20,
    netns = 0x30,
};

struct ProxyHeader {
    // Empty if the header names none (LOCAL, UNKNOWN, an unspecified family or protocol): then the
    // connection's own addresses are used.
    std::optional<conf::Endpoint> source;
    std::optional<conf::Endpoint> destination;
    bool is_datagram = false;  // the forwarded protocol is UDP or the like
    std::string tlvs;          // as received, their form checked
    std::size_t bytes = 0;
};

enum class ProxyParseStatus : std::uint8_t {
    more,
    found,
    missing,       // no header of an accepted version
    malformed,     // one that violates the specification
    bad_checksum,  // one with a wrong checksum
};

// Parses the header at the start of `head`, all bytes so far. The bytes after it are the client's.
ProxyParseStatus read_proxy_header(std::string_view head, const conf::ProxyProtocol& accepted,
                                   ProxyHeader& header);

// The value of the first field of `type` among `tlvs`, whose form has been checked.
std::optional<std::string_view> tlv_of(std::string_view tlvs, std::uint8_t type);

// The contents of a header that is sent to a server. Empty texts are left out.
struct ProxyFields {
    const conf::Endpoint& source;
    const conf::Endpoint& destination;
    bool is_datagram = false;       // version 1 cannot express it, and then names no addresses
    std::string_view authority;     // version 2
    std::string_view unique_id;     // version 2
    const TlsFacts* tls = nullptr;  // version 2: that the client's TLS was ended, and with what
};

// A header of `version`, which is not none. Where one address is a unix socket's and
// the other is not, it names none.
std::string proxy_header(conf::SendProxy::Version version, const ProxyFields& fields);

// The header of a connection that is the proxy's own, as a health check.
std::string local_proxy_header(conf::SendProxy::Version version);

}  // namespace ringway::proxy
