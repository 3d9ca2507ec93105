// CRC-32 with Castagnoli's polynomial (RFC 3720, 12.1), as the PROXY protocol uses it.
#pragma once

#include <cstdint>
#include <string_view>

namespace ringway::proxy {

// Of `bytes` that follow those whose checksum is `before`.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace ringway::proxy
