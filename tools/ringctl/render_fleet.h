// The replicas of a fleet, for terminals. Pure, any thread.
#pragma once

#include <string>

#include <boost/json/object.hpp>

namespace ringway::ringctl {

std::string render_fleet(const boost::json::object& answer, bool colours);

// Below a plan that was asked for with --fleet: which replicas it holds for, and in what the others
// differ from the one asked. Empty for other plans.
std::string render_plan_fleet(const boost::json::object& answer, bool colours);

}  // namespace ringway::ringctl
