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
        refused,  // already reported; skipped without another error
    };
    Kind kind = Kind::null;
    Position position;
    std::string text;
    std::vector<Node> items;
    bool is_cut = false;  // reading was given up before its end
};

// Called for every complete node with the lists and maps around it, outermost first; the node is
// not yet among the items of the last. Returns how many characters the node may have taken if it
// completes a good part of the file; 0 to end reading.
using Watch = std::function<std::optional<std::size_t>(const std::vector<Node>& around,
                                                       const Node& complete)>;

// Characters that a file may have outside the parts that its Watch calls good. yaml-cpp takes up to
// half a microsecond for a character, and hostile files must be refused quickly.
constexpr std::size_t slack_characters_max = std::size_t{128} << 10;

struct Tree {
    Node root;
    std::optional<Error> cut;    // where reading was given up, and why: the tree is what was read
    std::size_t bytes_read = 0;  // by yaml-cpp
};

// The tree of the one document in `text`. What is wrong with it is appended to `errors`; if nothing
// could be read, the root is a refused node.
//
// For every text: no recursion beyond a depth of 16, no aliases and so no growth, and time linear
// in its size; at most slack_characters_max are read outside good parts.
Tree load_yaml(std::string_view text, Errors& errors, const Watch& watch);

}  // namespace ringway::conf
