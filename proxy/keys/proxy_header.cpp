#include "proxy/keys/proxy_header.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "proxy/keys/byte_reader.h"
#include "proxy/keys/crc32c.h"
#include "proxy/keys/lines.h"
#include "proxy/keys/proxy_wire.h"
#include "proxy/net/address.h"

namespace ringway::proxy {

namespace {

constexpr std::size_t v1_bytes_max = 107;  // with CRLF, section 2.1
constexpr std::size_t unique_id_bytes_max = 128;
constexpr std::size_t crc32c_bytes = 4;

using conf::Endpoint;

bool may_begin(std::string_view head, std::string_view signature) {
    const auto length = std::min(head.size(), signature.size());
    return head.substr(0, length) == signature.substr(0, length);
}

// Section 2.1: no leading zeros, no signs, nothing else.
bool read_port(std::string_view text, std::uint16_t& port) {
    if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size();
}

// inet_pton accepts the same spellings as the specification: no leading zeros.
std::optional<Endpoint> read_address(std::string_view host, std::string_view port, bool is_v6) {
    Endpoint endpoint{.is_v6 = is_v6};
    if (host.find('\0') != std::string_view::npos || !read_port(port, endpoint.port)) return {};
    const int family = is_v6 ? AF_INET6 : AF_INET;
    const std::string text(host);
    if (::inet_pton(family, text.c_str(), endpoint.address.data()) != 1) return {};
    return unmapped(endpoint);
}

ProxyParseStatus read_v1(std::string_view head, ProxyHeader& header) {
    const auto text = head.substr(0, v1_bytes_max);
    const auto end = text.find_first_of("\r\n");
    if (end == std::string_view::npos || end + 1 == text.size()) {
        const bool over = text.size() == v1_bytes_max || (end < text.size() && text[end] == '\n');
        return over ? ProxyParseStatus::malformed : ProxyParseStatus::more;
    }
    if (text.substr(end, 2) != "\r\n") return ProxyParseStatus::malformed;
    header.bytes = end + 2;
    const auto line = text.substr(proxy_v1_signature.size(), end - proxy_v1_signature.size());
    const auto family = field_of(line, 1, " ");
    if (family == "UNKNOWN") return ProxyParseStatus::found;  // the rest is to be ignored
    if ((family != "TCP4" && family != "TCP6") || field_of(line, 6, " ")) {
        return ProxyParseStatus::malformed;
    }
    const auto field = [line](std::size_t number) {
        return field_of(line, number, " ").value_or(std::string_view());
    };
    header.source = read_address(field(2), field(4), family == "TCP6");
    header.destination = read_address(field(3), field(5), family == "TCP6");
    const bool good = header.source && header.destination;
    return good ? ProxyParseStatus::found : ProxyParseStatus::malformed;
}

// The name of a unix socket: a path, one of the abstract names of Linux (unix(7)), which begin with
// a NUL, or nothing. Padding is not part of it.
Endpoint read_unix_name(ByteReader& block) {
    const auto bytes = block.bytes(proxy_unix_path_bytes);
    const bool abstract = bytes.starts_with('\0');
    const auto end = abstract ? bytes.find_last_not_of('\0') + 1 : bytes.find('\0');
    return {.is_unix = true, .path = std::string(bytes.substr(0, end))};
}

// Both addresses of a family, then both ports, off the front of a block.
void read_ip(ByteReader& block, bool is_v6, ProxyHeader& header) {
    std::array<Endpoint, 2> both;
    for (Endpoint& endpoint : both) {
        endpoint.is_v6 = is_v6;
        const auto bytes = block.bytes(is_v6 ? 16 : 4);
        std::ranges::copy(bytes, endpoint.address.begin());
    }
    for (Endpoint& endpoint : both) endpoint.port = static_cast<std::uint16_t>(block.number(2));
    header.source = unmapped(both[0]);
    header.destination = unmapped(both[1]);
}

// Whether `value` is well formed; sub-fields are fields again (section 2.2.6).
bool check_tlv(std::uint32_t type, std::string_view value);

bool check_tlvs(std::string_view tlvs) {
    ByteReader reader(tlvs);
    while (!reader.empty()) {
        const auto type = reader.number(1);
        const auto value = reader.field(2);
        if (!reader.ok() || !check_tlv(type, value)) return false;
    }
    return true;
}

bool check_tlv(std::uint32_t type, std::string_view value) {
    switch (static_cast<ProxyTlv>(type)) {
        case ProxyTlv::crc32c:
            return value.size() == crc32c_bytes;
        case ProxyTlv::unique_id:
            return value.size() <= unique_id_bytes_max;
        case ProxyTlv::ssl: {
            ByteReader ssl(value);
            ssl.bytes(5);  // what the client did, and whether it was verified
            if (!ssl.ok()) return false;
            for (ByteReader sub(ssl.rest()); !sub.empty();) {
                sub.bytes(1);
                sub.field(2);
                if (!sub.ok()) return false;
            }
            return true;
        }
        default:
            return true;
    }
}

// Over the whole header, with zeros where the checksum stands (section 2.2.3).
bool is_intact(std::string_view header, std::string_view tlvs) {
    const auto sum = tlv_of(tlvs, static_cast<std::uint8_t>(ProxyTlv::crc32c));
    if (!sum) return true;
    const auto before = static_cast<std::size_t>(sum->data() - header.data());
    std::uint32_t value = crc32c(header.substr(0, before));
    value = crc32c(std::string_view("\0\0\0\0", crc32c_bytes), value);
    value = crc32c(header.substr(before + crc32c_bytes), value);
    return ByteReader(*sum).number(crc32c_bytes) == value;
}

// A header without addresses is accepted whatever its block holds: the addresses are to be ignored
// (section 2.2) and their length is unknown. Senders like HAProxy put their fields there: a block
// that parses as fields from end to end counts as fields, the checksum included.
ProxyParseStatus read_unspecified(std::string_view whole, std::string_view block,
                                  ProxyHeader& header) {
    if (!check_tlvs(block)) return ProxyParseStatus::found;
    if (!is_intact(whole, block)) return ProxyParseStatus::bad_checksum;
    header.tlvs = block;
    return ProxyParseStatus::found;
}

ProxyParseStatus read_v2(std::string_view head, ProxyHeader& header) {
    ByteReader reader(head);
    reader.bytes(proxy_v2_signature.size());
    const auto command = reader.number(1);
    const auto kind = reader.number(1);
    if (command != proxy_v2_local && command != proxy_v2_proxy && reader.ok()) {
        return ProxyParseStatus::malformed;
    }
    ByteReader block(reader.field(2));
    if (!reader.ok()) return ProxyParseStatus::more;
    header.bytes = head.size() - reader.rest().size();
    // The rest is to be ignored.
    if (command == proxy_v2_local) return ProxyParseStatus::found;

    const auto family = static_cast<ProxyFamily>(kind >> 4);
    const auto transport = static_cast<ProxyTransport>(kind & 15);
    if (family > ProxyFamily::unix_socket || transport > ProxyTransport::datagram) {
        return ProxyParseStatus::malformed;
    }
    if (family == ProxyFamily::unspec || transport == ProxyTransport::unspec) {
        return read_unspecified(head.substr(0, header.bytes), block.rest(), header);
    }
    if (family == ProxyFamily::unix_socket) {
        header.source = read_unix_name(block);
        header.destination = read_unix_name(block);
    } else {
        read_ip(block, family == ProxyFamily::v6, header);
    }
    header.is_datagram = transport == ProxyTransport::datagram;
    const auto tlvs = block.rest();
    if (!block.ok() || !check_tlvs(tlvs)) return ProxyParseStatus::malformed;
    if (!is_intact(head.substr(0, header.bytes), tlvs)) return ProxyParseStatus::bad_checksum;
    header.tlvs = tlvs;
    return ProxyParseStatus::found;
}

}  // namespace

ProxyParseStatus read_proxy_header(std::string_view head, const conf::ProxyProtocol& accepted,
                                   ProxyHeader& header) {
    header = {};
    if (accepted.v1 && may_begin(head, proxy_v1_signature)) {
        return head.size() < proxy_v1_signature.size() ? ProxyParseStatus::more
                                                       : read_v1(head, header);
    }
    if (accepted.v2 && may_begin(head, proxy_v2_signature)) return read_v2(head, header);
    return ProxyParseStatus::missing;
}

std::optional<std::string_view> tlv_of(std::string_view tlvs, std::uint8_t type) {
    ByteReader reader(tlvs);
    while (!reader.empty()) {
        const auto found = reader.number(1);
        const auto value = reader.field(2);
        if (found == type && reader.ok()) return value;
    }
    return std::nullopt;
}

}  // namespace ringway::proxy
