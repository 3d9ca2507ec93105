#include "proxy/base/random.h"

#include <sys/random.h>

#include <array>
#include <cassert>

namespace ringway::proxy {

std::string random_hex(std::size_t size) {
    std::array<unsigned char, 32> bytes{};
    assert(size <= bytes.size());
    // So few bytes are returned completely and without blocking (getrandom(2)).
    [[maybe_unused]] const auto got = ::getrandom(bytes.data(), size, 0);
    assert(got == static_cast<ssize_t>(size));
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < size; ++i) {
        text += digits[bytes[i] >> 4];
        text += digits[bytes[i] & 15];
    }
    return text;
}

}  // namespace ringway::proxy
