#include "conf/overlap.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>

namespace ringway::conf {
namespace {

// The leading bytes of the IPv6 addresses that map IPv4 ones.
constexpr std::array<std::uint8_t, 12> mapping{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_any(const Endpoint& endpoint) {
    return std::ranges::all_of(endpoint.address, [](auto byte) { return byte == 0; });
}

// Whether every client of `b` could be one of `a`. Both are unmapped.
bool covers(const Endpoint& a, const Endpoint& b) {
    if (is_any(a)) return a.is_v6 || !b.is_v6;
    return a == b;
}

bool same_file(const Endpoint& a, const Endpoint& b) {
    using std::filesystem::path;
    return path(a.path).lexically_normal() == path(b.path).lexically_normal();
}

}  // namespace

Endpoint unmapped(Endpoint endpoint) {
    if (!endpoint.is_v6 || !std::equal(mapping.begin(), mapping.end(), endpoint.address.begin())) {
        return endpoint;
    }
    std::copy_n(endpoint.address.begin() + mapping.size(), 4, endpoint.address.begin());
    std::fill(endpoint.address.begin() + 4, endpoint.address.end(), std::uint8_t{0});
    endpoint.is_v6 = false;
    return endpoint;
}

bool overlap(const Endpoint& a, const Endpoint& b) {
    if (a.is_unix != b.is_unix) return false;
    if (a.is_unix) return same_file(a, b);
    if (a.port != b.port) return false;
    const Endpoint plain_a = unmapped(a);
    const Endpoint plain_b = unmapped(b);
    return covers(plain_a, plain_b) || covers(plain_b, plain_a);
}

bool shadow(const Endpoint& a, const Endpoint& b) {
    if (!overlap(a, b)) return false;
    if (a.is_unix || unmapped(a) == unmapped(b)) return true;
    // [::] and [::ffff:0.0.0.0] are both of IPv6: nothing is preferred.
    return a.is_v6 && b.is_v6 && is_any(unmapped(a)) && is_any(unmapped(b));
}

std::optional<std::string_view> why_not_listened_on(const Endpoint& endpoint) {
    if (endpoint.is_unix) return std::nullopt;
    const Endpoint plain = unmapped(endpoint);
    if (plain.is_v6) {
        if (plain.address[0] == 0xff) return "a multicast address has no TCP clients";
        if (plain.address[0] == 0xfe && (plain.address[1] & 0xc0) == 0x80) {
            return "a link-local address needs an interface, which cannot be given";
        }
        return std::nullopt;
    }
    if (plain.address[0] >= 224 && plain.address[0] < 240) {
        return "a multicast address has no TCP clients";
    }
    const bool broadcast = std::all_of(plain.address.begin(), plain.address.begin() + 4,
                                       [](auto byte) { return byte == 255; });
    if (broadcast) return "the broadcast address has no TCP clients";
    return std::nullopt;
}

std::string plain_path(std::string_view path) {
    std::string plain;
    while (!path.empty()) {
        path.remove_prefix(1);  // the slash
        const auto part = path.substr(0, path.find('/'));
        path.remove_prefix(part.size());
        if (part.empty() || part == ".") continue;
        plain += '/';
        plain += part;
    }
    return plain.empty() ? "/" : plain;
}

}  // namespace ringway::conf
