#include "tools/loadgen/address.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include <fmt/format.h>

namespace ringway::loadgen {

namespace {

constexpr std::uint32_t max_sources = 4'096;

struct Network {
    std::uint32_t address;
    int bits;
};
constexpr std::array test_networks = {Network{0x0a00'0000, 8},  Network{0xac10'0000, 12},
                                      Network{0xc0a8'0000, 16}, Network{0xa9fe'0000, 16},
                                      Network{0xc612'0000, 15}, Network{0xc000'0200, 24},
                                      Network{0xc633'6400, 24}, Network{0xcb00'7100, 24}};

bool is_in(std::uint32_t address, Network network) {
    return (address ^ network.address) >> (32 - network.bits) == 0;
}

std::optional<std::uint32_t> parse_v4(std::string_view text) {
    in_addr address{};
    if (::inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) return std::nullopt;
    return ntohl(address.s_addr);
}

Address make_v4(std::uint32_t host, std::uint16_t port) {
    Address address;
    address.v4 = {};
    address.v4.sin_family = AF_INET;
    address.v4.sin_addr.s_addr = htonl(host);
    address.v4.sin_port = htons(port);
    address.size = sizeof(sockaddr_in);
    return address;
}

bool is_loopback(const Address& address) {
    if (address.any.sa_family == AF_INET) {
        return is_in(ntohl(address.v4.sin_addr.s_addr), {0x7f00'0000, 8});
    }
    return IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr);
}

bool is_test_network(const Address& address) {
    if (address.any.sa_family == AF_INET) {
        for (const Network network : test_networks) {
            if (is_in(ntohl(address.v4.sin_addr.s_addr), network)) return true;
        }
        return false;
    }
    const auto& bytes = address.v6.sin6_addr.s6_addr;
    const bool unique_local = (bytes[0] & 0xfe) == 0xfc;
    return unique_local || IN6_IS_ADDR_LINKLOCAL(&address.v6.sin6_addr);
}

}  // namespace

std::uint16_t Address::port() const {
    return ntohs(any.sa_family == AF_INET ? v4.sin_port : v6.sin6_port);
}

std::string Address::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (any.sa_family == AF_INET) {
        ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
        return fmt::format("{}:{}", text.data(), port());
    }
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return fmt::format("[{}]:{}", text.data(), port());
}

Address parse_address(std::string_view text) {
    const auto refuse = [text] {
        return UsageError(fmt::format("expected ADDRESS:PORT, found \"{}\"", text));
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) throw refuse();
    const std::string_view digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), port);
    if (error != std::errc{} || end != digits.end()) throw refuse();
    std::string_view host = text.substr(0, colon);
    if (const auto v4 = parse_v4(host)) return make_v4(*v4, port);

    if (!host.starts_with('[') || !host.ends_with(']')) throw refuse();
    host = host.substr(1, host.size() - 2);
    Address address;
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, std::string(host).c_str(), &address.v6.sin6_addr) != 1) {
        throw refuse();
    }
    return address;
}

std::vector<Address> parse_sources(std::string_view text) {
    const std::size_t dash = text.find('-');
    const auto first = parse_v4(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_v4(text.substr(dash + 1));
    if (!first || !last || *last < *first || *last - *first >= max_sources) {
        throw UsageError(fmt::format(
            "expected an IPv4 address or a range of at most {}, found \"{}\"", max_sources, text));
    }
    std::vector<Address> sources;
    for (std::uint32_t host = *first; sources.size() <= *last - *first; ++host) {
        sources.push_back(make_v4(host, 0));
    }
    return sources;
}

void require_allowed(const Address& address, bool allow_nonlocal) {
    if (is_loopback(address)) return;
    if (!is_test_network(address)) {
        throw UsageError(address.to_string() +
                         " is neither on this machine nor in a private network");
    }
    if (!allow_nonlocal) {
        throw UsageError(address.to_string() + " is not loopback: it takes --allow-nonlocal");
    }
}

}  // namespace ringway::loadgen
