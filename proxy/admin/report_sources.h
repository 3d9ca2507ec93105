// Where servers and their properties come from, for reports.
#pragma once

#include <optional>
#include <string>

#include <boost/json.hpp>

#include "proxy/control/control.h"

namespace ringway::proxy {

// {"name", "age_s", "problem"} of the host that a server is at; null for one at an address.
boost::json::value report_host(const Control& control, const DesiredServer& server);

// The layer that decides of each property: {"address": "dns", "weight": "file", ...}.
boost::json::object report_layers(const DesiredServer& server);

// Why what a source names is not known now, or does not count.
std::optional<std::string> problem_of(const Control& control, const Pool& pool,
                                      const SourceView& view);

// [{"source", "what", "servers", "age_s", "problem", "warnings"}]
boost::json::array report_sources(const Control& control, const Pool& pool);

}  // namespace ringway::proxy
