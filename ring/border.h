// Where one point's arc ends and the next one's begins. Internal to the library.
#pragma once

#include <cstdint>

namespace ringway::ring {

// The first hash that belongs to the point at `to`, of two points that follow each
// other upwards: of the hashes between them the upper half, and the middle one. The
// whole circle lies between a position and itself.
inline std::uint64_t border(std::uint64_t from, std::uint64_t to) {
    const std::uint64_t gap = to - from;
    return to - (gap == 0 ? std::uint64_t{1} << 63 : gap / 2);
}

}  // namespace ringway::ring
