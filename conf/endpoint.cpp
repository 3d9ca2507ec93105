#include <arpa/inet.h>

#include <charconv>

#include "conf/config.h"

namespace ringway::conf {
namespace {

// 1 to 65535, digits only, no leading zero.
std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (text.front() == '0') return std::nullopt;
    return port;
}

}  // namespace

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto port = parse_port(text.substr(colon + 1));
    if (!port) return std::nullopt;

    auto host = text.substr(0, colon);
    Endpoint endpoint;
    endpoint.port = *port;
    endpoint.is_v6 = host.starts_with('[') && host.ends_with(']');
    if (endpoint.is_v6) host = host.substr(1, host.size() - 2);
    // inet_pton reads a C string: a NUL inside would hide what follows it.
    if (host.find('\0') != std::string_view::npos) return std::nullopt;
    const int family = endpoint.is_v6 ? AF_INET6 : AF_INET;
    if (inet_pton(family, std::string(host).c_str(), endpoint.address.data()) != 1) {
        return std::nullopt;
    }
    return endpoint;
}

std::string Endpoint::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> host{};
    inet_ntop(is_v6 ? AF_INET6 : AF_INET, address.data(), host.data(), host.size());
    const std::string text = is_v6 ? '[' + std::string(host.data()) + ']' : host.data();
    return text + ':' + std::to_string(port);
}

}  // namespace ringway::conf
