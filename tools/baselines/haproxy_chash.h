// HAProxy's `hash-type consistent`, written anew: 16 points of 32 bits a server at
// the default weight, from the server's number; the nearer of the next and the
// previous point owns. A sorted array stands in for its tree and its read lock is
// left out, both in its favour.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

namespace ringway::baselines {

class HaproxyChash {
public:
    // The numbers that the servers have in their configuration.
    explicit HaproxyChash(const std::vector<std::uint32_t>& numbers) {
        for (std::uint32_t server = 0; server < numbers.size(); ++server)
            for (std::uint32_t node = 0; node < 16; ++node)
                points_.emplace_back(full_hash(numbers[server] * 4096 + node), server);
        std::sort(points_.begin(), points_.end());
    }

    std::uint32_t owner(std::uint64_t hash) const {
        const auto key = static_cast<std::uint32_t>(hash >> 32);
        const auto found = std::lower_bound(
            points_.begin(), points_.end(), key,
            [](const auto& point, std::uint32_t wanted) { return point.first < wanted; });
        const auto& next = found == points_.end() ? points_.front() : *found;
        const auto& previous = found == points_.begin() ? points_.back() : *(found - 1);
        return key - previous.first <= next.first - key ? previous.second : next.second;
    }

    std::size_t size() const { return points_.size(); }
    std::vector<double> shares(std::size_t servers) const {
        std::vector<double> shares(servers);
        auto before = points_.back();
        for (const auto& point : points_) {
            const double gap = std::ldexp(point.first - before.first, -32);
            shares[before.second] += gap / 2;
            shares[point.second] += gap / 2;
            before = point;
        }
        return shares;
    }

private:
    // One of Bob Jenkins' full-avalanche integer hashes.
    static std::uint32_t full_hash(std::uint32_t a) {
        a = (a + 0x7ed55d16) + (a << 12);
        a = (a ^ 0xc761c23c) ^ (a >> 19);
        a = (a + 0x165667b1) + (a << 5);
        a = (a + 0xd3a2646c) ^ (a << 9);
        a = (a + 0xfd7046c5) + (a << 3);
        a = (a ^ 0xb55a4f09) ^ (a >> 16);
        return a * 3221225473U;
    }

    std::vector<std::pair<std::uint32_t, std::uint32_t>> points_;
};

}  // namespace ringway::baselines
