// Socket addresses to and from the configuration's plain endpoints.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>

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

// An endpoint in less memory, where it is an IP address. One thread.
class KeptEndpoint {
public:
    explicit KeptEndpoint(const conf::Endpoint& endpoint);
    conf::Endpoint endpoint() const;
    bool is_unix() const { return path_ != nullptr; }

private:
    std::array<std::uint8_t, 16> address_;
    std::uint16_t port_;
    bool is_v6_;
    std::unique_ptr<const std::string> path_;  // of a unix socket
};

// `endpoint` with all but its leading `prefix` bits cleared, as text without the
// port: the key of a source address.
std::string masked_address(const conf::Endpoint& endpoint, int prefix);

}  // namespace ringway::proxy
