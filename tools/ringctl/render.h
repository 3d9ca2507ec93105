// Answers of the proxy as text for people. Pure, any thread. Fields that are missing are shown as
// "-", and unknown ones left out, so that ringctl and the proxy need not be of one version. Control
// bytes are escaped.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "tools/ringctl/table.h"

namespace ringway::ringctl {

// The answer to `command` (its first word), which was {"ok": true, ...}. Bars use UTF-8 blocks if
// `utf8`.
std::string render(std::string_view command, const boost::json::object& answer, bool colours,
                   bool utf8 = false);

// Good, set by an administrator, or bad.
Tone tone_of_server(const boost::json::object& server);

// The lines of {"ok": false, ...}: "error", then each of "errors".
std::string render_error(const boost::json::object& answer);

}  // namespace ringway::ringctl
