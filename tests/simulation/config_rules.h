// The rules between entries, which the schema cannot tell. One thread.
#pragma once

#include <string_view>

#include <boost/json/object.hpp>

#include "conf/config.h"
#include "tests/simulation/config_draw.h"

namespace ringway::simulation {

// Changes what contradicts other entries, and draws what they need: the configuration then is
// valid. Of two entries that exclude each other, chance chooses the one that stays. Beyond what
// conf::parse asks for, no two listeners overlap, and rings stay small. What was mended before
// remains as it is.
void mend(boost::json::object& root, ConfigDraw& draw);

// The part for the entry `key` of a listener.
void mend_key(boost::json::object& listener, const SchemaNode& node, ConfigDraw& draw);

// Lowers a duration that is there and above `limit`.
void at_most(boost::json::object& map, std::string_view name, conf::Duration limit);
conf::Duration duration_at(const boost::json::object& map, std::string_view name,
                           conf::Duration otherwise);
// A text; empty where there is none.
std::string_view text_at(const boost::json::object& map, std::string_view name);
// A map; null where there is none.
boost::json::object* map_at(boost::json::object& map, std::string_view name);

}  // namespace ringway::simulation
