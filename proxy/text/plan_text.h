// A plan as text, from its JSON object (proxy/control/plan.h). Pure; any thread.
#pragma once

#include <string>

#include <boost/json/object.hpp>

namespace ringway::proxy {

// Lines, each with a newline, escaped for a terminal.
std::string plan_text(const boost::json::object& plan);

}  // namespace ringway::proxy
