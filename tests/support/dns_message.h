// Messages of nameservers, made byte by byte (RFC 1035, 4). Names are not compressed. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace ringway::test {

inline constexpr std::uint16_t type_a = 1;
inline constexpr std::uint16_t type_cname = 5;
inline constexpr std::uint16_t type_aaaa = 28;
inline constexpr std::uint16_t type_srv = 33;

inline std::string dns_number(std::uint32_t value, std::size_t bytes) {
    std::string out;
    for (; bytes > 0; --bytes) out.push_back(static_cast<char>(value >> (8 * (bytes - 1))));
    return out;
}

// Of a name without a dot at its end; "" is the root.
inline std::string dns_name(std::string_view name) {
    std::string out;
    while (!name.empty()) {
        const auto dot = name.find('.');
        const std::string_view label = name.substr(0, dot);
        out += static_cast<char>(label.size());
        out += label;
        name = dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
    }
    return out + '\0';
}

inline std::string dns_record(std::string_view owner, std::uint16_t type, std::uint32_t ttl,
                              std::string_view data) {
    return dns_name(owner) + dns_number(type, 2) + dns_number(1, 2) + dns_number(ttl, 4) +
           dns_number(static_cast<std::uint32_t>(data.size()), 2) + std::string(data);
}

inline std::string a_record(std::string_view owner, std::uint32_t ttl,
                            std::initializer_list<int> bytes) {
    std::string data;
    for (const int byte : bytes) data += static_cast<char>(byte);
    return dns_record(owner, type_a, ttl, data);
}

// 2001:db8::`last`.
inline std::string aaaa_record(std::string_view owner, std::uint32_t ttl, std::uint8_t last) {
    std::string data = dns_number(0x20010db8, 4) + std::string(11, '\0');
    data += static_cast<char>(last);
    return dns_record(owner, type_aaaa, ttl, data);
}

inline std::string cname_record(std::string_view owner, std::uint32_t ttl, std::string_view name) {
    return dns_record(owner, type_cname, ttl, dns_name(name));
}

struct SrvData {
    std::uint16_t priority = 0;
    std::uint16_t weight = 0;
    std::uint16_t port = 0;
    std::string_view target;
};

inline std::string srv_record(std::string_view owner, std::uint32_t ttl, const SrvData& data) {
    return dns_record(owner, type_srv, ttl,
                      dns_number(data.priority, 2) + dns_number(data.weight, 2) +
                          dns_number(data.port, 2) + dns_name(data.target));
}

struct DnsHead {
    std::uint16_t id = 0;
    std::uint16_t code = 0;  // of the response
    bool truncated = false;
};

// An answer to the question of `name` and `type`.
inline std::string dns_answer(const DnsHead& head, std::string_view name, std::uint16_t type,
                              const std::vector<std::string>& records = {}) {
    const std::uint32_t flags = 0x8180U | (head.truncated ? 0x0200U : 0U) | head.code;
    std::string out = dns_number(head.id, 2) + dns_number(flags, 2) + dns_number(1, 2) +
                      dns_number(static_cast<std::uint32_t>(records.size()), 2) + dns_number(0, 4) +
                      dns_name(name) + dns_number(type, 2) + dns_number(1, 2);
    for (const std::string& record : records) out += record;
    return out;
}

}  // namespace ringway::test
