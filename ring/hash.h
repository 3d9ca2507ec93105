// SHA-256 and the hash of keys. Any thread may call anything here at any time;
// each thread keeps one OpenSSL context of its own until it ends.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "ring/types.h"

namespace ringway::ring {

using Digest = std::array<std::uint8_t, 32>;

// SHA-256 (FIPS 180-4) of the parts, one after the other.
Digest sha256(std::initializer_list<std::string_view> parts);

// `value` as bytes, the most significant first.
std::array<char, 4> big_endian32(std::uint32_t value);
std::array<char, 8> big_endian64(std::uint64_t value);

// The 64 bits that begin at byte `offset` of a digest, most significant first.
std::uint64_t big_endian64(const Digest& digest, std::size_t offset);

// Turns keys into 64 bits under the settings of one ring. Immutable.
class KeyHasher {
public:
    explicit KeyHasher(const Settings& settings);

    std::uint64_t operator()(std::string_view key) const;

private:
    std::uint64_t by_sha256(std::string_view key) const;
    std::uint64_t by_long_xxh3(std::string_view key) const;

    KeyHash function_;
    std::string prefix_;           // sha256: what is hashed before the key
    std::uint64_t xxh3_seed_ = 0;  // xxh3: 0 is the same as no seed
};

}  // namespace ringway::ring
