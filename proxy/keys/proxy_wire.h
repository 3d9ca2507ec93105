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
// Family and protocol in one byte; there are no others.
enum class ProxyFamily : std::uint8_t {
    unspec = 0x00,
    tcp4 = 0x11,
    udp4 = 0x12,
    tcp6 = 0x21,
    udp6 = 0x22,
    unix_stream = 0x31,
    unix_datagram = 0x32,
};
constexpr std::size_t proxy_unix_path_bytes = 108;

}  // namespace ringway::proxy
