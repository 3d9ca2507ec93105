// Answers of the proxy as text for people. Pure, any thread. Fields that are
// missing are shown as "-", and unknown ones left out, so that ringctl and the
// proxy need not be of one version. Bytes that could play tricks with a terminal
// are escaped.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "tools/ringctl/table.h"

namespace ringway::ringctl {

// The answer to `command` (its first word), which was {"ok": true, ...}. Bars are drawn
// with what `utf8` allows.
std::string render(std::string_view command, const boost::json::object& answer, bool colours,
                   bool utf8 = false);

// Good, wished for by an operator, or bad.
Tone tone_of_server(const boost::json::object& server);

// The lines of {"ok": false, ...}: what is wrong, then each of "errors".
std::string render_error(const boost::json::object& answer);

}  // namespace ringway::ringctl
