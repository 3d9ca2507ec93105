// conf/schema.json as a tree of entries, each with what a value of it may be. Values here; a tree
// that is built may be read by any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringway::simulation {

struct Property;
struct Recipe;

// One entry, or each element of a list, or each value of a map whose names are free. It may be of
// several kinds: a keyword or a map, an integer or a text.
struct SchemaNode {
    struct Range {
        std::int64_t least = 0;
        std::int64_t most = 0;
    };

    SchemaNode();
    ~SchemaNode();
    SchemaNode(SchemaNode&&) noexcept;
    SchemaNode& operator=(SchemaNode&&) noexcept;

    bool is_map() const;
    // Of a map, or of a list whose elements are maps; throws std::out_of_range.
    const SchemaNode& at(std::string_view name) const;
    const Property* find(std::string_view name) const;

    std::string path;        // "pools.*.health.interval"; empty for the root
    std::string definition;  // the nearest that it refers to, as "duration"; may be empty
    // What it may be.
    std::vector<std::string> words;     // keywords
    std::optional<Range> integer;       // that it may be, both bounds included
    std::optional<Range> number;        // with decimals
    bool boolean = false;               // true or false
    bool text = false;                  // any text that the schema cannot tell more of
    std::vector<Property> properties;   // of a map with known names
    std::unique_ptr<SchemaNode> named;  // of a map whose names are free: its values
    std::unique_ptr<SchemaNode> items;  // of a list: its elements
    std::size_t items_least = 0;
    // Of a map: exactly one of these must be there.
    std::vector<std::string> one_of;
    const Recipe* recipe = nullptr;  // what else is known of it (config_recipes.h); may be null
};

struct Property {
    std::string name;
    bool required = false;
    SchemaNode node;
};

// The tree of a JSON Schema, but for what is not simulated (config_recipes.h). Throws
// std::runtime_error where the text has a keyword that is not understood here: no part of the
// schema is passed over in silence.
SchemaNode read_schema(std::string_view schema_json);

// The tree of conf/schema.json, read once.
const SchemaNode& configuration_schema();

}  // namespace ringway::simulation
