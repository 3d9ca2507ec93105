// Configurations as text: JSON, which is YAML. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "tests/simulation/schema_node.h"

namespace ringway::simulation {

// Maps and lists of scalars on one line, others with a line for each of their entries.
std::string write_config(const boost::json::object& root);

// What write_config wrote. Throws boost::system::system_error for other text.
boost::json::object read_config(std::string_view text);

// A map of a configuration, and its place in the schema.
struct PlacedMap {
    boost::json::object* map;
    const SchemaNode* node;
};
// Every map whose names are known, in the order of the text.
std::vector<PlacedMap> maps_of(boost::json::object& root);

}  // namespace ringway::simulation
