// Where servers come from, for terminals. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "tools/ringctl/table.h"

namespace ringway::ringctl {

// Lines of one server: a name and its text.
using NamedLines = std::vector<std::pair<std::string_view, std::string>>;

// The sources of all pools in an answer to `status`, a blank line before them; empty for none.
std::string render_sources(const boost::json::object& status, bool colours);

// Whether a server comes from elsewhere than the file.
bool is_of_other_source(const boost::json::object* server);

// Its address; "-" while it has none.
Cell address_of(const boost::json::object& server);

// Adds the server's host and the layer that decides each property.
void add_source_lines(const boost::json::object& server, NamedLines& lines, bool colours);

}  // namespace ringway::ringctl
