// Numbers of the PROXY protocol's header (proxy-protocol.txt, sections 2.1 and 2.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringway::proxy {

constexpr std::string_view proxy_v1_signature{"PROXY "};
constexpr std::string_view proxy_v2_signature{"\r\n\r\n\0\r\nQUIT\n", 12};
// Version and command in one byte.
constexpr std::uint32_t proxy_v2_local = 0x20;
constexpr std::uint32_t proxy_v2_proxy = 0x21;
// The halves of the byte after it; there are no others. Where either is unspec, so are
// the addresses.
enum class ProxyFamily : std::uint8_t { unspec = 0, v4 = 1, v6 = 2, unix_socket = 3 };
enum class ProxyTransport : std::uint8_t { unspec = 0, stream = 1, datagram = 2 };
constexpr std::size_t proxy_unix_path_bytes = 108;

}  // namespace ringway::proxy
