// YAML text as a plain tree with source positions. The tree keeps what the
// yaml-cpp library's own would lose: duplicate keys, and whether a text was
// quoted. Pure; the nodes are values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
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
    bool is_cut = false;  // reading was given up before its end
};

// Told of every node that is complete, with the lists and maps around it, outermost
// first; it is not yet among the items of the last. How many characters it may have taken,
// where it completes a part of the file that is good; 0 where reading is to end.
using Watch = std::function<std::optional<std::size_t>(const std::vector<Node>& around,
                                                       const Node& complete)>;

// What may stand in a file beside the parts that its Watch calls good: yaml-cpp takes up
// to half a microsecond for a character, and files made to hurt are to be gone in a moment.
constexpr std::size_t slack_characters_max = std::size_t{128} << 10;

struct Tree {
    Node root;
    std::optional<Error> cut;    // where reading was given up, and why: the tree is what was read
    std::size_t bytes_read = 0;  // by yaml-cpp
};

// The tree of the one document in `text`. What is wrong with it is appended to
// `errors`; where nothing more can be told, the root is a refused node.
//
// Whatever the text: no recursion beyond a depth of 16, no aliases and so no growth, and
// time linear in its size; what is not good takes no more than slack_characters_max.
Tree load_yaml(std::string_view text, Errors& errors, const Watch& watch);

}  // namespace ringway::conf
