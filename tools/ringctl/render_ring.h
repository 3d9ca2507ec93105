// Events and rings as text for people. Pure, any thread.
#pragma once

#include <cstddef>
#include <string>

#include <boost/json/object.hpp>

#include "tools/ringctl/table.h"

namespace ringway::ringctl {

// One event in a line without its end.
std::string render_event(const boost::json::object& event, bool colours);
Tone tone_of_event(const boost::json::object& event);
std::string render_events(const boost::json::object& answer, bool colours);

// The servers of a pool by their share of the ring, greatest first, with bars.
std::string render_ring(const boost::json::object& answer, bool colours, bool utf8);

// `share` (0 to 1) of `width` columns: blocks in eighths of a column, or whole ones of "#".
std::string bar(double share, std::size_t width, bool utf8);

}  // namespace ringway::ringctl
