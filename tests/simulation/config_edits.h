// Small changes of a configuration, as operators make them. One thread.
#pragma once

#include <boost/json/object.hpp>

#include "tests/simulation/config_draw.h"

namespace ringway::simulation {

// One change at random. What else must change for it is for mend() to do.
void edit(boost::json::object& root, ConfigDraw& draw);

}  // namespace ringway::simulation
