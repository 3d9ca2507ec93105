// The plain way to look up a ring: binary search over sorted positions, owner of
// the next point clockwise. The yardstick for lookups on the very same points.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace ringway::baselines {

class LowerBound {
public:
    // Sorted by position.
    explicit LowerBound(const std::vector<std::pair<std::uint64_t, std::uint32_t>>& points) {
        for (const auto& [position, server] : points) {
            positions_.push_back(position);
            servers_.push_back(static_cast<std::uint16_t>(server));
        }
    }

    std::uint32_t owner(std::uint64_t hash) const {
        const auto found = std::lower_bound(positions_.begin(), positions_.end(), hash);
        return found == positions_.end()
                   ? servers_.front()
                   : servers_[static_cast<std::size_t>(found - positions_.begin())];
    }

private:
    std::vector<std::uint64_t> positions_;
    std::vector<std::uint16_t> servers_;
};

}  // namespace ringway::baselines
