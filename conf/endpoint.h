// Addresses of sockets, and networks. Values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringway::conf {

// An IPv4 or IPv6 address and a TCP port, or the path of a unix socket. Bytes are in network order;
// a v4 address uses the first four. No host names, which HostPort has.
struct Endpoint {
    bool is_v6 = false;
    bool is_unix = false;
    std::array<std::uint8_t, 16> address{};
    std::uint16_t port = 0;
    // Path of a unix socket; empty for a client without a name. A client's path may be abstract: it
    // begins with a NUL.
    std::string path;

    // "192.0.2.1:80", "[2001:db8::1]:80" or "unix:/run/x.sock"; the port is 1 to 65535,
    // the path absolute.
    static std::optional<Endpoint> parse(std::string_view text);
    // "192.0.2.1" or "2001:db8::1": an IP address without a port, which is 0.
    static std::optional<Endpoint> parse_address(std::string_view text);
    // As parse() reads it, canonical (RFC 5952 for IPv6, paths without empty parts and ".").
    std::string to_string() const;
    bool operator==(const Endpoint&) const = default;
};

// Leading bits that addresses share.
struct Network {
    bool is_v6 = false;
    std::array<std::uint8_t, 16> address{};  // in network order, zero beyond the prefix
    int prefix = 0;

    // "10.0.0.0/8", "2001:db8::/32", or a single address.
    static std::optional<Network> parse(std::string_view text);
    bool contains(const Endpoint& endpoint) const;
    bool operator==(const Network&) const = default;
};

}  // namespace ringway::conf
