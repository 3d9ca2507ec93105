// Where a server's points lie: the part of the mapping that belongs to servers.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ringway::ring {

// Of points, in rising order.
using Positions = std::vector<std::uint64_t>;
using PositionsById = std::map<std::string, Positions, std::less<>>;

// The first `count` points of the server `id` (1 to 255 bytes), in rising order.
// Mapping version 1: points 4c to 4c+3 are the four 64-bit words, most significant
// byte first, of SHA-256(length of id, 32 bits || id || c, 32 bits).
Positions server_points(std::string_view id, std::uint32_t count);

// How many of its points a server has while it is online; `ramp` in thousandths, 1 at least.
inline std::uint32_t ramped_points(std::uint32_t weight, std::uint32_t vnodes, std::uint32_t ramp) {
    return static_cast<std::uint32_t>((std::uint64_t{weight} * vnodes * ramp + 999) / 1000);
}

}  // namespace ringway::ring
