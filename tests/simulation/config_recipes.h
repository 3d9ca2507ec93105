// What the schema cannot tell of an entry: how often it is there, and which texts and numbers are
// worth trying. Immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/schema_node.h"

namespace ringway::simulation {

struct Recipe {
    // Of the path of an entry, with listeners.*.key for the parts of a key as well, or of a
    // definition.
    std::string_view name;
    std::optional<unsigned> percent{};  // of the maps that could have the entry
    // Each as often as it is given. "@" stands for the folder of the world.
    std::vector<std::string_view> texts{};
    std::vector<std::int64_t> integers{};
    std::size_t items_least = 0;  // of a list or of a map whose names are free
    std::size_t items_most = 3;
};

// Whether configurations of a simulation have the entry of this path, or the keyword, as
// "path=word". Those of TLS they do not have: they name files, which would have to be there.
bool is_simulated(const std::string& path);

// The recipe of an entry's path, or else of its definition; null for none.
const Recipe* recipe_of(const SchemaNode& node);

}  // namespace ringway::simulation
