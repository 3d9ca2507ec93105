// Makes a history that breaks a law as short as it can: fewer events, the same law.
#pragma once

#include <functional>
#include <optional>

#include "tests/simulation/history.h"
#include "tests/simulation/violation.h"

namespace ringway::simulation {

// Runs a history: what it breaks, and after how many events.
struct Outcome {
    std::optional<Violation> violation;
    std::size_t events = 0;
};
using Run = std::function<Outcome(const History&)>;

// Leaves out runs of events, halving their length (delta debugging, Zeller and Hildebrandt,
// 2002), for at most `runs_max` runs.
History shrink(History history, const Run& run, std::size_t runs_max = 2'000);

}  // namespace ringway::simulation
