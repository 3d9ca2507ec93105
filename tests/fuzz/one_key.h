// What every fuzz target of keys asks: is the answer to some bytes the same however
// they are cut, and does it stay when more come? One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "conf/config.h"
#include "proxy/keys/key_reader.h"
#include "tests/fuzz/mutation.h"

namespace ringway::fuzz {

struct Answer {
    proxy::ParseStatus status;
    std::string key;
    bool operator==(const Answer&) const = default;
};

// The answer to `bytes`, shown up to each of `cuts` and then whole.
inline Answer answer(const proxy::KeyRecipe& recipe, std::string_view bytes,
                     const std::vector<std::size_t>& cuts, const proxy::Origin& origin = {}) {
    proxy::KeyReader reader(recipe);
    for (const std::size_t cut : cuts) {
        if (reader.status() != proxy::ParseStatus::more) break;
        // A copy without spare room: a read beyond it is found out.
        const std::string head(bytes.substr(0, std::min(cut, bytes.size())));
        reader.read(head, origin);
    }
    if (reader.status() == proxy::ParseStatus::more) reader.read(bytes, origin);
    if (reader.status() != proxy::ParseStatus::found) return {reader.status(), ""};
    return {reader.status(), reader.key()};
}

// The first byte of the input chooses one of `parts`, the next two where it is cut.
inline int check(const std::vector<conf::KeyPart>& parts, const std::uint8_t* data,
                 std::size_t size) {
    if (size < 3) return 0;
    static const auto recipes = [&parts] {
        std::vector<proxy::KeyRecipe> made;
        for (const auto& part : parts) made.emplace_back(conf::KeySettings{.parts = {part}});
        return made;
    }();
    const auto& recipe = recipes[data[0] % recipes.size()];
    const std::string bytes(data + 3, data + size);
    const std::size_t first = bytes.size() * data[1] / 255;
    const std::size_t second = bytes.size() * data[2] / 255;

    const Answer whole = answer(recipe, bytes, {});
    require(answer(recipe, bytes, {std::min(first, second), std::max(first, second)}) == whole,
            "segments do not matter");
    require(whole.status == proxy::ParseStatus::more || answer(recipe, bytes + '\n', {}) == whole,
            "a verdict is final");
    return 0;
}

}  // namespace ringway::fuzz
