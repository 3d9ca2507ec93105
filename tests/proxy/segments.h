// What the kernel knows of a TCP connection's segments.
#pragma once

#include <cstdint>

namespace ringway::test {

// Segments without bytes that `socket` has received (tcp(7), TCP_INFO).
std::uint32_t bare_segments(int socket);

}  // namespace ringway::test
