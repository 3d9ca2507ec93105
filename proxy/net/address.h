// Socket addresses to and from the configuration's plain endpoints.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "conf/config.h"
#include "conf/overlap.h"

namespace ringway::proxy {

// A sockaddr of the right family and its length, for bind(2) and connect(2).
struct SocketAddress {
    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
        sockaddr_un local;
    };
    socklen_t size;

    explicit SocketAddress(const conf::Endpoint& endpoint);
    // Room for accept4(2) to write into.
    SocketAddress();
};

// IPv4 addresses are as unmapped() returns them.
conf::Endpoint to_endpoint(const SocketAddress& address);

using conf::unmapped;
// The IPv6 address that maps an IPv4 one.
conf::Endpoint mapped(conf::Endpoint endpoint);

// `endpoint` with all but its leading `prefix` bits cleared, as text without the
// port: the key of a source address.
std::string masked_address(const conf::Endpoint& endpoint, int prefix);

}  // namespace ringway::proxy
