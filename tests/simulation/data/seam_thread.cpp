// std::thread without a thread: what it is to run is run by whoever joins it.
#include "tests/simulation/data/seam_thread.h"

#include <pthread.h>

#include <thread>
#include <utility>

namespace {

std::thread::_State_ptr started;

}  // namespace

namespace ringway::simulation::data {

void run_started_thread() {
    if (started) std::exchange(started, nullptr)->_M_run();
}

}  // namespace ringway::simulation::data

void std::thread::_M_start_thread(_State_ptr state, void (*)()) {
    started = std::move(state);
    _M_id = id(::pthread_self());
}

void std::thread::join() {
    ringway::simulation::data::run_started_thread();
    _M_id = id();
}
