// Every question that people and programs ask, put to a Control at any moment: an answer has
// the documented fields, a server's reason fits its state, and metrics equal reports.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "proxy/control/control.h"
#include "tests/simulation/world.h"

namespace ringway::simulation {

// Reads /metrics as a slow client does, some families a time: whatever happens meanwhile, the page
// is of the moment at which it was asked for. The numbers are compared at each event.
class MetricsReader {
public:
    // Throws Violation.
    void read_on(const proxy::Control& control);

private:
    std::function<bool(std::string&)> more_;
    std::string text_;
    std::size_t servers_ = 0;  // at that moment
};

// Throws Violation.
void ask_everything(const proxy::Control& control, MetricsReader& metrics, Random& random);

// An answer to a command that asks, or to the page of the HTTP endpoint that answers alike.
void check_answer(std::string_view command, const boost::json::object& answer);
// An answer to a line that is refused.
void check_refusal(const boost::json::object& answer);
// An answer to `plan`, or to a refused one.
void check_plan_answer(const boost::json::object& answer);

}  // namespace ringway::simulation
