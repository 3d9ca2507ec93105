#include <arpa/inet.h>

#include <algorithm>

#include "conf/endpoint.h"
#include "conf/limits.h"
#include "conf/overlap.h"
#include "conf/scalar.h"
#include "conf/text.h"

namespace ringway::conf {
namespace {

// An absolute path without control characters.
std::optional<Endpoint> parse_unix(std::string_view path) {
    if (!path.starts_with('/') || path.size() > socket_path_bytes_max) return std::nullopt;
    if (has_control(path)) return std::nullopt;
    return Endpoint{.is_unix = true, .path = plain_path(path)};
}

// An address without brackets; a colon makes it IPv6.
bool parse_host(const std::string& host, bool is_v6, std::array<std::uint8_t, 16>& out) {
    // inet_pton reads a C string: a NUL inside would hide what follows it.
    if (host.find('\0') != std::string::npos) return false;
    return inet_pton(is_v6 ? AF_INET6 : AF_INET, host.c_str(), out.data()) == 1;
}

std::uint8_t mask_of_byte(int prefix, std::size_t index) {
    const int kept = std::clamp(prefix - 8 * static_cast<int>(index), 0, 8);
    return static_cast<std::uint8_t>(0xff00 >> kept);
}

}  // namespace

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
    if (text.starts_with("unix:")) return parse_unix(text.substr(5));
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto port = parse_port(text.substr(colon + 1));
    if (!port) return std::nullopt;

    auto host = text.substr(0, colon);
    Endpoint endpoint;
    endpoint.port = *port;
    endpoint.is_v6 = host.starts_with('[') && host.ends_with(']');
    if (endpoint.is_v6) host = host.substr(1, host.size() - 2);
    if (!parse_host(std::string(host), endpoint.is_v6, endpoint.address)) return std::nullopt;
    return endpoint;
}

std::string Endpoint::to_string() const {
    if (is_unix) return "unix:" + path;
    std::array<char, INET6_ADDRSTRLEN> host{};
    inet_ntop(is_v6 ? AF_INET6 : AF_INET, address.data(), host.data(), host.size());
    const std::string text = is_v6 ? '[' + std::string(host.data()) + ']' : host.data();
    return text + ':' + std::to_string(port);
}

std::optional<Network> Network::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto host = text.substr(0, slash);
    Network network;
    network.is_v6 = host.find(':') != std::string_view::npos;
    if (!parse_host(std::string(host), network.is_v6, network.address)) return std::nullopt;
    network.prefix = network.is_v6 ? 128 : 32;
    if (slash != std::string_view::npos) {
        const auto prefix = parse_integer(text.substr(slash + 1));
        if (!prefix || *prefix < 0 || *prefix > network.prefix) return std::nullopt;
        network.prefix = static_cast<int>(*prefix);
    }
    for (std::size_t i = 0; i < network.address.size(); ++i) {
        const int beyond = network.address[i] & ~mask_of_byte(network.prefix, i);
        if (beyond != 0) return std::nullopt;
    }
    return network;
}

std::optional<Endpoint> Endpoint::parse_address(std::string_view text) {
    const auto network = Network::parse(text);
    if (!network || text.find('/') != std::string_view::npos) return std::nullopt;
    return Endpoint{.is_v6 = network->is_v6, .address = network->address};
}

bool Network::contains(const Endpoint& endpoint) const {
    if (endpoint.is_unix || endpoint.is_v6 != is_v6) return false;
    for (std::size_t i = 0; i < address.size(); ++i) {
        if (((endpoint.address[i] ^ address[i]) & mask_of_byte(prefix, i)) != 0) return false;
    }
    return true;
}

}  // namespace ringway::conf
