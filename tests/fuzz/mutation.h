// What the fuzz targets share: laws that abort, and choices for mutators that know the form of
// their input. libFuzzer calls all of it on one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

// libFuzzer's own mutation of bytes.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size,  // NOLINT
                                        std::size_t size_max);

namespace ringway::fuzz {

// Ends the run where a law does not hold, with what it says.
inline void require(bool holds, std::string_view law) {
    if (holds) return;
    std::fprintf(stderr, "broken: %.*s\n", static_cast<int>(law.size()), law.data());
    std::abort();
}

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
    return {data, data + size};
}

// The choices of one mutation; the same seed makes the same ones.
class Chance {
public:
    explicit Chance(unsigned seed) : engine_(seed) {}

    std::uint64_t number() { return engine_(); }
    // From 0 to `end` - 1; `end` is at least 1.
    std::size_t below(std::size_t end) { return static_cast<std::size_t>(engine_() % end); }
    bool one_in(std::size_t n) { return below(n) == 0; }
    // One element of what is not empty.
    template <class Some>
    auto& any(Some& some) {
        return some[below(some.size())];
    }
    // `bytes` mutated by libFuzzer, at most `growth` longer.
    std::string mutate(std::string bytes, std::size_t growth = 16) const {
        const std::size_t size = bytes.size();
        bytes.resize(size + growth);
        auto* const data = reinterpret_cast<std::uint8_t*>(bytes.data());
        bytes.resize(LLVMFuzzerMutate(data, size, bytes.size()));
        return bytes;
    }

private:
    std::mt19937_64 engine_;
};

// Hands `text` back to libFuzzer, cut where it is too long.
inline std::size_t store(std::string_view text, std::uint8_t* data, std::size_t size_max) {
    const std::size_t size = std::min(text.size(), size_max);
    std::memcpy(data, text.data(), size);
    return size;
}

// One mutation of an input that begins with `choices` bytes which choose how the rest is read.
// Mostly the rest is what `remake` (text, Chance&) makes of it, now and then with other choices;
// one in five times any byte changes.
template <class F>
std::size_t mutate_behind(std::size_t choices, std::uint8_t* data, std::size_t size,
                          std::size_t size_max, unsigned seed, F remake) {
    Chance chance(seed);
    if (size < choices || chance.one_in(5)) return LLVMFuzzerMutate(data, size, size_max);
    const std::string bytes = text_of(data, size);
    std::string out = bytes.substr(0, choices) + remake(bytes.substr(choices), chance);
    if (chance.one_in(4)) out[chance.below(choices)] = static_cast<char>(chance.below(256));
    return store(out, data, size_max);
}

}  // namespace ringway::fuzz
