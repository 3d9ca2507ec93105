#include "proxy/keys/crc32c.h"

#include <array>

namespace ringway::proxy {

namespace {

constexpr std::uint32_t reversed_polynomial = 0x82f63b78;

constexpr std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t i = 0; i < made.size(); ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit) {
            value = value >> 1 ^ ((value & 1) != 0 ? reversed_polynomial : 0);
        }
        made[i] = value;
    }
    return made;
}();

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
    std::uint32_t value = ~before;
    for (const char c : bytes) {
        value = value >> 8 ^ table[(value ^ static_cast<unsigned char>(c)) & 0xff];
    }
    return ~value;
}

}  // namespace ringway::proxy
