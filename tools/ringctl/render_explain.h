// Routes of listeners, and why a connection goes where it goes, for terminals. Pure, any thread.
#pragma once

#include <string>

#include <boost/json/object.hpp>

namespace ringway::ringctl {

std::string render_explain(const boost::json::object& answer, bool colours);

// The routes of the listeners that have several, below the listeners of a status. Empty without
// any.
std::string render_routes(const boost::json::object& status, bool colours);

}  // namespace ringway::ringctl
