// Runs a history of the data path on either engine: the real worker, in one thread, on a simulated
// kernel (kernel.h), with every law of judge.h. After the last event everybody reads and ends, then
// time passes until no connection is left.
#pragma once

#include "tests/simulation/data/script.h"
#include "tests/simulation/shrink.h"

namespace ringway::simulation::data {

// No messages from the program itself.
void silence_log();

// `trace` prints each event with its time, and each end.
Outcome run(const History& history, bool trace = false);

}  // namespace ringway::simulation::data
