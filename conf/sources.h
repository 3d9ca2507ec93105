// Where the servers of a pool, and what all replicas agree on, come from besides the file: DNS and
// etcd. Values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/endpoint.h"
#include "conf/tls.h"
#include "conf/types.h"

namespace ringway::conf {

// A host that DNS has the addresses of, and a TCP port.
struct HostPort {
    std::string host;  // lower case, without a dot at its end
    std::uint16_t port = 0;

    // "redis-0.example:6379"; nothing for what is no name, as an IP address.
    static std::optional<HostPort> parse(std::string_view text);
    std::string to_string() const;
    auto operator<=>(const HostPort&) const = default;
};

// A host name as HostPort has it: labels of 1 to 63 letters, digits, "-" and "_", in all at most
// 253 bytes, and the last label not all digits (RFC 1123, 2.1). Nothing for others.
std::optional<std::string> parse_host_name(std::string_view text);

// Where a server is: an address, or a host by its name, whose address DNS has.
struct ServerAddress {
    Endpoint endpoint;  // of a host: no address, and its port
    std::string host;   // as HostPort has it; empty where there is an address

    ServerAddress() = default;
    // NOLINTNEXTLINE(google-explicit-constructor): an address is one.
    ServerAddress(Endpoint at) : endpoint(std::move(at)) {}
    explicit ServerAddress(const HostPort& at) : host(at.host) { endpoint.port = at.port; }

    // As Endpoint::parse() or HostPort::parse().
    static std::optional<ServerAddress> parse(std::string_view text);
    std::string to_string() const;
    bool operator==(const ServerAddress&) const = default;
};

// How DNS is asked, for the whole process.
struct DnsSettings {
    enum class Family : std::uint8_t { both, v4, v6 };

    std::vector<Endpoint> nameservers;  // empty: those of this machine (resolv.conf(5))
    Duration timeout{2'000};            // of one query to one nameserver
    std::uint32_t attempts = 2;         // for each nameserver
    // What is known of a name is asked for again after its TTL, within these bounds.
    Duration min_ttl{5'000};
    Duration max_ttl{300'000};
    // A server that answers no longer have is used for so long after the last that had it.
    Duration keep_for{60'000};
    Family family = Family::both;  // of addresses
    bool operator==(const DnsSettings&) const = default;
};

// Servers that are the addresses of one name.
struct DnsServers {
    HostPort name;
    bool operator==(const DnsServers&) const = default;
};

// Servers that are the targets of SRV records (RFC 2782).
struct SrvServers {
    enum class Id : std::uint8_t { target, target_port };

    std::string name;
    Id id = Id::target;
    // The weight in DNS that counts as 1 on the ring; 0: the greatest common divisor of all.
    std::uint32_t weight_unit = 0;
    bool operator==(const SrvServers&) const = default;
};

// An etcd cluster, by its JSON gateway.
struct EtcdSettings {
    struct User {
        std::string name;
        FilePath password;  // the file's first line
        bool operator==(const User&) const = default;
    };

    std::vector<std::string> endpoints;  // "HOST:PORT", an address or a name; at least one
    std::optional<PoolTls> tls{};        // absent: in clear
    std::optional<User> user{};
    bool operator==(const EtcdSettings&) const = default;
};

// Servers that are the keys of a prefix.
struct EtcdServers {
    EtcdSettings etcd;
    std::string prefix;  // ends with a slash
    bool operator==(const EtcdServers&) const = default;
};

// The sources of a pool's servers besides the file. Each that is there is a layer, in this order.
struct ServersFrom {
    std::optional<DnsServers> dns{};
    std::optional<SrvServers> srv{};  // not beside `dns`
    std::optional<EtcdServers> etcd{};
    std::uint32_t max_connections = 0;  // of each server; 0 for no limit
    std::uint16_t check_port = 0;       // that is checked; 0: the server's own
    bool operator==(const ServersFrom&) const = default;
};

// Replicas that act as one.
struct FleetSettings {
    // Whose checks take a server offline.
    enum class Health : std::uint8_t {
        majority,  // those of most replicas that are alive
        own,
    };

    EtcdSettings etcd;
    std::string prefix = "/ringway/fleet/";  // ends with a slash
    std::string name;                        // of this replica; empty: that of the host
    Health health = Health::majority;
    bool operator==(const FleetSettings&) const = default;
};

}  // namespace ringway::conf
