// YAML text as a plain tree with source positions. The tree keeps what the
// yaml-cpp library's own would lose: duplicate keys, and whether a text was
// quoted. Pure; the nodes are values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "conf/config.h"

namespace ringway::conf {

constexpr std::size_t text_bytes_max = std::size_t{16} << 20;

struct Node {
    enum class Kind : std::uint8_t {
        null,     // nothing written, ~ or null
        plain,    // a text without quotes, as it is spelled
        quoted,   // a text in quotes or a block
        list,     // items: its entries
        map,      // items: key, value, key, value, ...
        refused,  // already reported; to be passed over in silence
    };
    Kind kind = Kind::null;
    Position position;
    std::string text;
    std::vector<Node> items;
};

// The tree of the one document in `text`. What is wrong with it is appended to
// `errors`; where nothing more can be told, the result is a refused node.
//
// Whatever the text: no recursion beyond a depth of 16, no aliases and so no
// growth, and time linear in its size.
Node load_yaml(std::string_view text, Errors& errors);

}  // namespace ringway::conf
