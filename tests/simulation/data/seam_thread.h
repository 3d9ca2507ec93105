// The worker's thread, which the simulation is: std::thread::join() runs what it was to run, or
// this, to its end.
#pragma once

namespace ringway::simulation::data {

void run_started_thread();

}  // namespace ringway::simulation::data
