// Ways to break a valid configuration. One thread.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "tests/simulation/config_draw.h"

namespace ringway::simulation {

// The text of a valid configuration with one fault at random, for which conf::parse refuses it.
std::string break_config(boost::json::object root, ConfigDraw& draw);

}  // namespace ringway::simulation
