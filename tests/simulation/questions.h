// Every question that people and programs ask, put to a Control at any moment: an answer has
// the documented fields, a server's reason fits its state, and metrics equal reports.
#pragma once

#include <boost/json/object.hpp>

#include "proxy/control/control.h"
#include "tests/simulation/world.h"

namespace ringway::simulation {

// Throws Violation.
void ask_everything(const proxy::Control& control, Random& random);

// Of the answer to `plan`, or to a refused one.
void check_plan_answer(const boost::json::object& answer);

}  // namespace ringway::simulation
