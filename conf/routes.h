// What a route of a listener asks of a connection. Values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/endpoint.h"

namespace ringway::conf {

inline constexpr std::size_t routes_max = 10'000;     // of one listener
inline constexpr std::size_t names_max = 100'000;     // of all routes of one listener
inline constexpr std::size_t networks_max = 1'000;    // of one route
inline constexpr std::size_t bind_ports_max = 1'024;  // of one listener

// TCP ports, both ends included.
struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 0;

    // "6000" or "6000-6099".
    static std::optional<PortRange> parse(std::string_view text);
    std::string to_string() const;
    bool contains(std::uint16_t port) const { return first <= port && port <= last; }
    bool operator==(const PortRange&) const = default;
};

// A name that clients show in their ClientHello (RFC 6066, section 3), or all below one.
struct NamePattern {
    std::string name;        // lower case; what stands behind "*.", empty for "*"
    bool is_suffix = false;  // "*.NAME": at least one more label. "*": any name

    // "db.example.com", "*.example.com" or "*".
    static std::optional<NamePattern> parse(std::string_view text);
    std::string to_string() const;
    // Whether every name that fits `other` fits this.
    bool covers(const NamePattern& other) const;
    bool operator==(const NamePattern&) const = default;
};

// A connection fits if it fits one value of each list that has any.
struct RouteMatch {
    std::vector<NamePattern> sni;
    std::vector<std::string> alpn;  // one of those that the client offers, or the agreed one
    std::vector<Network> source;    // its address, by the PROXY header if there is one
    std::vector<PortRange> destination_port;

    // Whether every connection fits.
    bool is_empty() const { return !reads_tls() && source.empty() && destination_port.empty(); }
    bool reads_tls() const { return !sni.empty() || !alpn.empty(); }
    // "sni db.example.com, *.shard.example.com; source 10.0.0.0/8", or "all".
    std::string to_string() const;
    // The same with at most three values of each list: "sni a, b, c and 7 more".
    std::string summary() const;
    bool operator==(const RouteMatch&) const = default;
};

std::string to_string(const Network& network);

}  // namespace ringway::conf
