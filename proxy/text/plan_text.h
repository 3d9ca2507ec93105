// A plan for people, from the object that tells of it (proxy/control/plan.h). Pure; any thread.
#pragma once

#include <string>

#include <boost/json/object.hpp>

namespace ringway::proxy {

// Lines, each with a newline; whatever the object holds, they are fit for a terminal.
std::string plan_text(const boost::json::object& plan);

}  // namespace ringway::proxy
