#include "conf/sources.h"

#include <algorithm>

#include "conf/scalar.h"

namespace ringway::conf {
namespace {

constexpr std::size_t host_bytes_max = 253;
constexpr std::size_t label_bytes_max = 63;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_of_label(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= label_bytes_max &&
           std::ranges::all_of(label, is_of_label);
}

}  // namespace

std::optional<std::string> parse_host_name(std::string_view text) {
    if (text.ends_with('.')) text.remove_suffix(1);
    if (text.size() > host_bytes_max) return std::nullopt;
    std::string host(text);
    std::ranges::transform(host, host.begin(), lower);
    std::string_view rest = host;
    while (true) {
        const auto dot = rest.find('.');
        const auto label = rest.substr(0, dot);
        if (!is_label(label)) return std::nullopt;
        if (dot == std::string_view::npos) {
            // Otherwise 10.0.0.256 would be a name.
            if (std::ranges::all_of(label, is_digit)) return std::nullopt;
            return host;
        }
        rest.remove_prefix(dot + 1);
    }
}

std::optional<HostPort> HostPort::parse(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto port = parse_port(text.substr(colon + 1));
    auto host = parse_host_name(text.substr(0, colon));
    if (!port || !host) return std::nullopt;
    return HostPort{std::move(*host), *port};
}

std::string HostPort::to_string() const {
    return host + ':' + std::to_string(port);
}

std::optional<ServerAddress> ServerAddress::parse(std::string_view text) {
    if (auto endpoint = Endpoint::parse(text)) return std::move(*endpoint);
    if (const auto name = HostPort::parse(text)) return ServerAddress(*name);
    return std::nullopt;
}

std::string ServerAddress::to_string() const {
    return host.empty() ? endpoint.to_string() : host + ':' + std::to_string(endpoint.port);
}

}  // namespace ringway::conf
