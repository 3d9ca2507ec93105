// TCP addresses of the command line, and the rule for the addresses that a load may be sent to.
// Values; no thread rules.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ringway::loadgen {

// The command line is invalid; what() is the reason, for people.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct Address {
    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
    };
    socklen_t size = sizeof(sockaddr_in6);

    Address() : v6{} {}
    std::uint16_t port() const;
    std::string to_string() const;  // "127.0.0.1:80" or "[::1]:80"
};

// "127.0.0.1:80" or "[::1]:80"; port 0 is "any free one". Throws UsageError.
Address parse_address(std::string_view text);

// One IPv4 address or a range of at most 4,096, "127.0.0.2-127.0.0.60". Throws UsageError.
std::vector<Address> parse_sources(std::string_view text);

// A load may be sent to loopback always, to private and test networks (RFC 1918, 2544, 4193, 5737,
// link-local) on request, to others never. Throws UsageError.
void require_allowed(const Address& address, bool allow_nonlocal);

}  // namespace ringway::loadgen
