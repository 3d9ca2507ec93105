// The certificates of listeners, for terminals. Pure, any thread.
#pragma once

#include <string>

#include <boost/json/object.hpp>

namespace ringway::ringctl {

std::string render_certificates(const boost::json::object& answer, bool colours);

}  // namespace ringway::ringctl
