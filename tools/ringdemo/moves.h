// The server of each key, and what has moved between two rounds. Pure, any thread.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "conf/result.h"

namespace ringway::ringdemo {

// The id of the server that answered each key.
using Owners = std::map<std::string, std::string>;

// How many keys each server answered.
std::map<std::string, std::size_t> keys_per_server(const Owners& owners);

// What changed from one round to the next, for the keys that both have.
struct Moves {
    struct Way {
        std::string from;
        std::string to;
        auto operator<=>(const Way&) const = default;
    };
    std::map<Way, std::size_t> counts;
    std::size_t moved = 0;
    // Moves between two servers that answered in both rounds: consistent hashing
    // allows none.
    std::size_t needless = 0;
};

Moves compare(const Owners& before, const Owners& after);

// One "key server" per line; keys hold no blanks.
std::string to_text(const Owners& owners);

// The opposite. Fails with the number of a line that is not one.
Result<Owners> from_text(std::string_view text);

}  // namespace ringway::ringdemo
