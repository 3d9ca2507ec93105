#include "ring/maglev.h"

#include <algorithm>
#include <array>

#include "ring/hash.h"

namespace ringway::ring {
namespace {

// The least primes above the powers of two from 2^16 on.
constexpr std::array<std::size_t, 8> sizes{65'537,    131'101,   262'147,   524'309,
                                           1'048'583, 2'097'169, 4'194'319, 8'388'617};
static_assert(sizes.back() >= 100 * Limits::servers);

constexpr std::uint16_t free_entry = 0xffff;
static_assert(Limits::servers <= free_entry, "every seat must differ from a free entry");

// A server's order of preference among the entries: a walk by fixed strides.
struct Preference {
    std::size_t next;
    std::size_t skip;
    std::uint32_t weight;
    std::uint16_t seat;
};

Preference preference_of(const MaglevServer& server, std::size_t size) {
    const auto length = big_endian32(static_cast<std::uint32_t>(server.id.size()));
    const auto counter = big_endian32(0);
    const Digest digest =
        sha256({{length.data(), length.size()}, server.id, {counter.data(), counter.size()}});
    return {big_endian64(digest, 0) % size, big_endian64(digest, 8) % (size - 1) + 1, server.weight,
            static_cast<std::uint16_t>(server.seat)};
}

// Whether a server has a turn in `round` (from 1): weight of every `heaviest` rounds,
// evenly spread, the first among them.
bool has_turn(std::uint64_t round, std::uint64_t weight, std::uint64_t heaviest) {
    const auto turns = [&](std::uint64_t rounds) {
        return (rounds * weight + heaviest - 1) / heaviest;
    };
    return turns(round) > turns(round - 1);
}

}  // namespace

std::size_t MaglevTable::size_for(std::size_t servers) {
    return *std::lower_bound(sizes.begin(), sizes.end(), 100 * servers);
}

MaglevTable::MaglevTable(std::size_t size, std::span<const MaglevServer> servers) : size_(size) {
    if (servers.empty()) return;
    std::vector<Preference> preferences;
    std::uint32_t heaviest = 0;
    for (const MaglevServer& server : servers) {
        preferences.push_back(preference_of(server, size));
        heaviest = std::max(heaviest, server.weight);
    }
    entries_.assign(size, free_entry);
    std::size_t free = size;
    for (std::uint64_t round = 1;; ++round) {
        for (Preference& server : preferences) {
            if (!has_turn(round, server.weight, heaviest)) continue;
            const auto advance = [&] {
                server.next += server.skip;
                if (server.next >= size) server.next -= size;
            };
            while (entries_[server.next] != free_entry) advance();
            entries_[server.next] = server.seat;
            advance();
            if (--free == 0) return;
        }
    }
}

std::uint64_t MaglevTable::begin(std::size_t i) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(((Wide{i} << 64) + size_ - 1) / size_);
}

}  // namespace ringway::ring
