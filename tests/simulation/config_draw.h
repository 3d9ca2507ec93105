// Draws entries of configurations at random, as the schema and the recipes allow, whatever other
// entries say: config_rules.h makes the whole valid. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "tests/simulation/random_source.h"
#include "tests/simulation/schema_node.h"

namespace ringway::simulation {

// Whether anything is known that the entry could be.
bool can_draw(const SchemaNode& node);

class ConfigDraw {
public:
    // `folder` is where files and unix sockets are named: an absolute path.
    ConfigDraw(std::uint64_t seed, std::string folder);

    RandomSource& random() { return random_; }
    // A value of an entry.
    boost::json::value value(const SchemaNode& node);
    // An entry of a map, in place of the one that may be there.
    void set(boost::json::object& map, const SchemaNode& node, std::string_view name);
    // The same where there is none.
    void need(boost::json::object& map, const SchemaNode& node, std::string_view name);
    // One of the recipe's texts.
    std::string text(const SchemaNode& node);

private:
    std::int64_t integer(const SchemaNode& node);
    boost::json::value number(const SchemaNode::Range& range);
    boost::json::object map(const SchemaNode& node);
    boost::json::object named(const SchemaNode& node);
    boost::json::array list(const SchemaNode& node);
    std::size_t size_of(const SchemaNode& node);
    bool is_wanted(const Property& property);

    RandomSource random_;
    const std::string folder_;
};

}  // namespace ringway::simulation
