#include "ring/points.h"

#include <algorithm>
#include <string>

#include "ring/hash.h"

namespace ringway::ring {

Positions server_points(std::string_view id, std::uint32_t count) {
    const auto length = big_endian32(static_cast<std::uint32_t>(id.size()));
    std::string prefix(length.data(), length.size());
    prefix += id;

    Positions points;
    points.reserve(count);
    for (std::uint32_t counter = 0; points.size() < count; ++counter) {
        const auto suffix = big_endian32(counter);
        const Digest digest = sha256({prefix, {suffix.data(), suffix.size()}});
        for (std::size_t word = 0; word < 4 && points.size() < count; ++word)
            points.push_back(big_endian64(digest, 8 * word));
    }
    std::sort(points.begin(), points.end());
    return points;
}

}  // namespace ringway::ring
