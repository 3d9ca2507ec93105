// Seeded numbers and byte streams, the same on every machine. Values; pure.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace ringway::loadgen {

// SplitMix64's finalizer (Steele, Lea and Flood, "Fast Splittable Pseudorandom
// Number Generators", OOPSLA 2014).
constexpr std::uint64_t mix(std::uint64_t x) {
    x += 0x9e37'79b9'7f4a'7c15;
    x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
    x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
    return x ^ (x >> 31);
}

class Random {
public:
    explicit Random(std::uint64_t seed) : state_(mix(seed)) {}

    std::uint64_t next() { return mix(state_++); }

    // From 0 to `bound` - 1; the bias at our bounds is far below notice.
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }

    // From 1 to `most` with every order of magnitude as likely: chunks of one
    // byte and chunks of many kilobytes both come up often.
    std::uint64_t size_up_to(std::uint64_t most) {
        const auto bits = static_cast<unsigned>(std::bit_width(most));
        return std::min(most, 1 + (next() & ((std::uint64_t{1} << below(bits + 1)) - 1)));
    }

private:
    std::uint64_t state_;
};

// An endless byte stream of which any part can be made without what is before.
class Stream {
public:
    explicit Stream(std::uint64_t seed) : seed_(seed) {}

    // Fills `out` with the bytes from `offset` on.
    void fill(std::uint64_t offset, std::span<char> out) const {
        while (!out.empty()) {
            const std::uint64_t word = mix(seed_ ^ (offset / 8 * 0x2545'f491'4f6c'dd1d));
            const std::size_t skip = offset % 8;
            const std::size_t size = std::min<std::size_t>(8 - skip, out.size());
            const std::uint64_t bytes = word >> (8 * skip);
            std::memcpy(out.data(), &bytes, size);
            out = out.subspan(size);
            offset += size;
        }
    }

private:
    std::uint64_t seed_;
};

}  // namespace ringway::loadgen
