// The PROXY protocol's header, versions 1 and 2, received and sent (HAProxy's
// proxy-protocol.txt). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "conf/config.h"

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
    // Nothing where the header names none (LOCAL, UNKNOWN, an unspecified family or
    // protocol): the connection's own addresses count then.
    std::optional<conf::Endpoint> source;
    std::optional<conf::Endpoint> destination;
    bool is_datagram = false;  // what was forwarded came over UDP or the like
    std::string tlvs;          // as received, their form checked
    std::size_t bytes = 0;
};

enum class ProxyParseStatus : std::uint8_t {
    more,
    found,
    missing,       // no header of an accepted version
    malformed,     // one that breaks the specification
    bad_checksum,  // one that was changed on its way
};

// Reads the header that `head`, all bytes so far, begins with. What follows it is the
// client's.
ProxyParseStatus read_proxy_header(std::string_view head, const conf::ProxyProtocol& accepted,
                                   ProxyHeader& header);

// The value of the first field of `type` among `tlvs`, whose form has been checked.
std::optional<std::string_view> tlv_of(std::string_view tlvs, std::uint8_t type);

// What a server is told of a connection. Empty texts are left out.
struct ProxyFields {
    const conf::Endpoint& source;
    const conf::Endpoint& destination;
    bool is_datagram = false;    // version 1 has no word for it, and names no addresses then
    std::string_view authority;  // version 2
    std::string_view unique_id;  // version 2
};

// A header of `version`, which is not none. Where one address is a unix socket's and
// the other is not, it names none.
std::string proxy_header(conf::SendProxy::Version version, const ProxyFields& fields);

// The header of a connection that is the proxy's own, as a health check.
std::string local_proxy_header(conf::SendProxy::Version version);

}  // namespace ringway::proxy
