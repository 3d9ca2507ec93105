// The greatest values of the file that follow from limits elsewhere: the ring's
// (proxy/control/ring_state.cpp asserts that they are equal) and the kernel's.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringway::conf {

inline constexpr std::size_t id_bytes_max = 255;         // of a server
inline constexpr std::size_t certificates_max = 10'000;  // of one listener
inline constexpr std::size_t seed_bytes_max = 4'096;
inline constexpr std::size_t servers_max = 65'535;                   // of one pool
inline constexpr std::uint64_t points_max = std::uint64_t{1} << 24;  // of one pool's ring
inline constexpr std::uint32_t weight_max = 1'000;
inline constexpr std::uint32_t vnodes_max = 65'536;
inline constexpr std::int64_t balance_factor_max = 1'000;

inline constexpr std::size_t socket_path_bytes_max = 107;  // unix(7): sun_path less its NUL
inline constexpr std::size_t path_bytes_max = 4'095;       // PATH_MAX less its NUL

}  // namespace ringway::conf
