// Random bytes of the kernel. Any thread.
#pragma once

#include <cstddef>
#include <string>

namespace ringway::proxy {

// `size` random bytes in hexadecimal digits, twice as many; 32 bytes at most.
std::string random_hex(std::size_t size);

}  // namespace ringway::proxy
