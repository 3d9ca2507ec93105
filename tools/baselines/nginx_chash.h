// nginx's `hash ... consistent`, written anew: 160 points of 32 bits a server by
// chained CRC-32, the next point clockwise owns, and every pick compares the name
// found with the names of all peers.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringway::baselines {

class NginxChash {
public:
    explicit NginxChash(const std::vector<std::string>& servers) : peers_(servers) {
        for (std::uint32_t server = 0; server < servers.size(); ++server) {
            // Host and port, parted by a zero byte.
            std::string base = servers[server];
            base += '\0';
            const std::uint32_t crc = update(~0U, base);
            std::array<char, 4> previous{};
            for (int i = 0; i < 160; ++i) {
                const std::uint32_t hash = ~update(crc, {previous.data(), previous.size()});
                points_.emplace_back(hash, server);
                for (std::size_t byte = 0; byte < 4; ++byte)
                    previous[byte] = static_cast<char>(hash >> (8 * byte) & 0xff);
            }
        }
        std::sort(points_.begin(), points_.end());
    }

    std::uint32_t owner(std::uint64_t hash) const {
        const auto key = static_cast<std::uint32_t>(hash >> 32);
        const auto found = std::lower_bound(
            points_.begin(), points_.end(), key,
            [](const auto& point, std::uint32_t wanted) { return point.first < wanted; });
        const std::string& name =
            peers_[found == points_.end() ? points_.front().second : found->second];
        std::uint32_t best = 0;
        for (std::uint32_t peer = 0; peer < peers_.size(); ++peer)
            if (peers_[peer] == name) best = peer;
        return best;
    }

    std::size_t size() const { return points_.size(); }
    std::vector<double> shares(std::size_t servers) const {
        std::vector<double> shares(servers);
        std::uint32_t before = points_.back().first;
        for (const auto& [position, server] : points_) {
            shares[server] += std::ldexp(position - before, -32);
            before = position;
        }
        return shares;
    }

private:
    static std::uint32_t update(std::uint32_t crc, std::string_view bytes) {
        for (const char c : bytes) {
            crc ^= static_cast<unsigned char>(c);
            for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
        }
        return crc;
    }

    std::vector<std::string> peers_;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> points_;
};

}  // namespace ringway::baselines
