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

// A server's order of preference among the entries, a walk by fixed strides, and its turns: it has
// one in weight of every `heaviest` rounds, evenly spread, the first among them.
struct Preference {
    std::size_t next;
    std::size_t skip;
    std::uint16_t seat;
    std::uint32_t weight;
    // From one turn to the next: heaviest / weight rounds, and what is left of that division. A
    // division at every turn would be the dearest part of a table.
    std::uint32_t rounds;
    std::uint32_t remainder;
    std::uint64_t round = 1;   // of its next turn: 1 + floor(turns had x heaviest / weight)
    std::uint32_t beyond = 0;  // (turns had x heaviest) mod weight

    void have_turn() {
        round += rounds;
        beyond += remainder;
        if (beyond >= weight) {
            beyond -= weight;
            ++round;
        }
    }
};

Preference preference_of(const MaglevServer& server, std::uint32_t heaviest, std::size_t size) {
    const auto length = big_endian32(static_cast<std::uint32_t>(server.id.size()));
    const auto counter = big_endian32(0);
    const Digest digest =
        sha256({{length.data(), length.size()}, server.id, {counter.data(), counter.size()}});
    return {big_endian64(digest, 0) % size,
            big_endian64(digest, 8) % (size - 1) + 1,
            static_cast<std::uint16_t>(server.seat),
            server.weight,
            heaviest / server.weight,
            heaviest % server.weight};
}

// Which entries are taken. A bit each, for the search of the last free ones touches
// nearly all of a table at random, and bits fit a cache that entries do not.
class Taken {
public:
    explicit Taken(std::size_t size) : words_((size + 63) / 64) {}
    bool operator[](std::size_t i) const { return (words_[i / 64] >> i % 64 & 1) != 0; }
    void set(std::size_t i) { words_[i / 64] |= std::uint64_t{1} << i % 64; }

private:
    std::vector<std::uint64_t> words_;
};

// Between two turns of a server lie at most as many rounds as the greatest weight, so this many
// lists are enough for the rounds ahead.
constexpr std::size_t rounds_ahead = 1'024;
static_assert(rounds_ahead > Limits::weight);

}  // namespace

std::size_t MaglevTable::size_for(std::size_t servers) {
    return *std::lower_bound(sizes.begin(), sizes.end(), 100 * servers);
}

MaglevTable::MaglevTable(std::size_t size, std::span<const MaglevServer> servers) : size_(size) {
    if (servers.empty()) return;
    const std::uint32_t heaviest = std::ranges::max(servers, {}, &MaglevServer::weight).weight;
    std::vector<Preference> preferences;
    for (const MaglevServer& server : servers)
        preferences.push_back(preference_of(server, heaviest, size));
    entries_.assign(size, free_entry);
    Taken taken(size);
    // The servers that have a turn in each of the rounds ahead. Visiting all servers in every round
    // would take up to the greatest weight times as long.
    std::array<std::vector<std::uint32_t>, rounds_ahead> ahead;
    for (std::uint32_t i = 0; i < preferences.size(); ++i) ahead[1].push_back(i);
    std::vector<std::uint32_t> now;
    std::size_t free = size;
    for (std::uint64_t round = 1;; ++round) {
        now.clear();
        now.swap(ahead[round % rounds_ahead]);
        std::sort(now.begin(), now.end());
        for (const std::uint32_t i : now) {
            Preference& server = preferences[i];
            const auto advance = [&] {
                server.next += server.skip;
                if (server.next >= size) server.next -= size;
            };
            while (taken[server.next]) advance();
            taken.set(server.next);
            entries_[server.next] = server.seat;
            advance();
            if (--free == 0) return;
            server.have_turn();
            ahead[server.round % rounds_ahead].push_back(i);
        }
    }
}

std::uint64_t MaglevTable::begin(std::size_t i) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(((Wide{i} << 64) + size_ - 1) / size_);
}

}  // namespace ringway::ring
