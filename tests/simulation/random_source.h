// Random choices that are the same for the same seed, everywhere. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

namespace ringway::simulation {

class RandomSource {
public:
    explicit RandomSource(std::uint64_t seed) : engine_(seed) {}

    // From 0 to `end` - 1; `end` is at least 1.
    std::size_t below(std::size_t end) { return static_cast<std::size_t>(engine_() % end); }
    bool one_in(std::size_t n) { return below(n) == 0; }
    bool percent(unsigned share) { return below(100) < share; }
    // One element of what is not empty.
    template <class Some>
    auto& pick(Some& some) {
        return some[below(some.size())];
    }

private:
    std::mt19937_64 engine_;
};

}  // namespace ringway::simulation
