#include "proxy/keys/rdp_request.h"

#include <cstddef>
#include <cstdint>

#include "proxy/keys/byte_reader.h"

namespace ringway::proxy {

namespace {

// The header of RFC 1006, 6: version, a byte that is reserved, and the length of the whole.
constexpr std::uint32_t tpkt_version = 3;
constexpr std::size_t tpkt_bytes = 4;
// The request of ITU-T X.224, 13.3: the length of what follows, its type, two references, a class.
constexpr std::uint32_t request_type = 0xe0;
constexpr std::uint32_t type_bits = 0xf0;  // the others are credit
constexpr std::size_t request_bytes = 7;
constexpr std::string_view cookie_begin = "Cookie: mstshash=";

}  // namespace

ParseStatus RdpRequestParser::read(std::string_view head, std::string& key) {
    ByteReader reader(head);
    if (!head.empty() && reader.number(1) != tpkt_version) return ParseStatus::malformed;
    reader.bytes(1);
    const std::size_t size = reader.number(2);
    if (!reader.ok()) return ParseStatus::more;
    if (size < tpkt_bytes + request_bytes) return ParseStatus::malformed;
    const std::size_t length = reader.number(1);
    if (!reader.ok()) return ParseStatus::more;
    if (length + 1 + tpkt_bytes != size) return ParseStatus::malformed;
    ByteReader request(reader.bytes(length));
    if (!reader.ok()) return ParseStatus::more;
    if ((request.number(1) & type_bits) != request_type) return ParseStatus::malformed;
    request.bytes(request_bytes - 2);
    std::string_view rest = request.rest();
    if (!rest.starts_with(cookie_begin)) return ParseStatus::missing;
    rest.remove_prefix(cookie_begin.size());
    const auto end = rest.find("\r\n");
    if (end == std::string_view::npos) return ParseStatus::malformed;
    if (end == 0) return ParseStatus::missing;
    key = rest.substr(0, end);
    return ParseStatus::found;
}

}  // namespace ringway::proxy
