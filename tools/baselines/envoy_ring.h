// Envoy's ring hash policy at its defaults, written anew: at least 1,024 points for
// the whole ring, shared out by weight, so that the points of every host depend on
// how many hosts there are. XXH64 of "address_i"; binary search on every pick.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <xxhash.h>

namespace ringway::baselines {

class EnvoyRing {
public:
    explicit EnvoyRing(const std::vector<std::string>& servers) {
        const double weight = 1.0 / static_cast<double>(servers.size());
        const double scale = std::min(std::ceil(weight * 1024) / weight, 8.0 * 1024 * 1024);
        double current = 0, target = 0;
        for (std::uint32_t server = 0; server < servers.size(); ++server) {
            target += scale * weight;
            for (std::uint64_t i = 0; current < target; ++i, ++current) {
                const std::string name = servers[server] + "_" + std::to_string(i);
                points_.emplace_back(XXH64(name.data(), name.size(), 0), server);
            }
        }
        std::sort(points_.begin(), points_.end());
    }

    std::uint32_t owner(std::uint64_t hash) const {
        const auto found = std::lower_bound(
            points_.begin(), points_.end(), hash,
            [](const auto& point, std::uint64_t wanted) { return point.first < wanted; });
        return found == points_.end() ? points_.front().second : found->second;
    }

    std::size_t size() const { return points_.size(); }
    // The part of all hashes that each server has.
    std::vector<double> shares(std::size_t servers) const {
        std::vector<double> shares(servers);
        std::uint64_t before = points_.back().first;
        for (const auto& [position, server] : points_) {
            shares[server] += std::ldexp(static_cast<double>(position - before), -64);
            before = position;
        }
        return shares;
    }

private:
    std::vector<std::pair<std::uint64_t, std::uint32_t>> points_;
};

}  // namespace ringway::baselines
