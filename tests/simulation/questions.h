// Every question that people and programs ask, put to a Control at any moment: an answer has
// the documented fields, a server's reason fits its state, and metrics equal reports.
#pragma once

#include <string_view>

#include <boost/json/object.hpp>

#include "proxy/control/control.h"
#include "tests/simulation/world.h"

namespace ringway::simulation {

// Throws Violation.
void ask_everything(const proxy::Control& control, Random& random);

// An answer to a command that asks, or to the page of the HTTP endpoint that answers alike.
void check_answer(std::string_view command, const boost::json::object& answer);
// An answer to a line that is refused.
void check_refusal(const boost::json::object& answer);
// An answer to `plan`, or to a refused one.
void check_plan_answer(const boost::json::object& answer);

}  // namespace ringway::simulation
