// Fields after their big-endian lengths, for mutators that keep lengths true. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/keys/byte_reader.h"
#include "tests/fuzz/mutation.h"

namespace ringway::fuzz {

// `value` as a big-endian number of `bytes`.
inline std::string number(std::size_t value, std::size_t bytes) {
    std::string out;
    for (; bytes > 0; --bytes) out.push_back(static_cast<char>(value >> (8 * (bytes - 1))));
    return out;
}

inline std::string field(std::string_view value, std::size_t length_bytes) {
    return number(value.size(), length_bytes).append(value);
}

// A type and a value.
using Typed = std::vector<std::pair<std::size_t, std::string>>;

// Those that `bytes` begins with, each a type of `type_bytes` and a value after its length of two.
inline Typed read_typed(std::string_view bytes, std::size_t type_bytes) {
    Typed all;
    for (proxy::ByteReader reader(bytes); !reader.empty();) {
        const auto type = reader.number(type_bytes);
        const auto value = reader.field(2);
        if (reader.ok()) all.emplace_back(type, value);
    }
    return all;
}

inline std::string write_typed(const Typed& all, std::size_t type_bytes) {
    std::string out;
    for (const auto& [type, value] : all) out += number(type, type_bytes) + field(value, 2);
    return out;
}

// One change of the list: what is in it moves, doubles, vanishes or gets another type or value.
inline void mutate_typed(Typed& all, const std::vector<std::size_t>& types, Chance& chance) {
    if (all.empty() || chance.one_in(4)) {
        std::string value;
        if (!chance.one_in(4)) value = chance.mutate(value);
        all.emplace_back(chance.any(types), value);
        return;
    }
    const auto at = chance.below(all.size());
    switch (chance.below(5)) {
        case 0:
            all.erase(all.begin() + static_cast<std::ptrdiff_t>(at));
            break;
        case 1:
            all.push_back(all[at]);
            break;
        case 2:
            all[at].first = chance.any(types);
            break;
        case 3:
            std::swap(all[at], all.back());
            break;
        default:
            all[at].second = chance.mutate(all[at].second);
    }
}

}  // namespace ringway::fuzz
