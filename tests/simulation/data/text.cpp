#include "tests/simulation/data/text.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>

namespace ringway::simulation::data {

namespace {

// A prime, so that a mistake of any power of two shows.
constexpr std::size_t period = 262'139;

const std::array<char, period>& pattern() {
    static const auto bytes = [] {
        std::array<char, period> filled{};
        std::minstd_rand random(1);
        for (char& byte : filled) byte = static_cast<char>(random() >> 8);
        return filled;
    }();
    return bytes;
}

}  // namespace

template <class Use>
bool Text::each_run(std::uint64_t at, std::size_t size, Use use) const {
    if (at < opening_.size() && size > 0) {
        const std::size_t some = std::min(size, opening_.size() - static_cast<std::size_t>(at));
        if (!use(opening_.data() + at, some)) return false;
        at += some;
        size -= some;
    }
    while (size > 0) {
        const std::size_t place = (start_ + at) % period;
        const std::size_t some = std::min(size, period - place);
        if (!use(pattern().data() + place, some)) return false;
        at += some;
        size -= some;
    }
    return true;
}

void Text::copy(std::uint64_t at, char* to, std::size_t size) const {
    each_run(at, size, [&to](const char* bytes, std::size_t some) {
        to = std::copy_n(bytes, some, to);
        return true;
    });
}

bool Text::matches(std::uint64_t at, const char* bytes, std::size_t size) const {
    return each_run(at, size, [&bytes](const char* expected, std::size_t some) {
        const bool same = std::memcmp(expected, bytes, some) == 0;
        bytes += some;
        return same;
    });
}

}  // namespace ringway::simulation::data
