// The access log: its entries go to whoever judges them, and are never made text.
#include <spdlog/spdlog.h>

#include "proxy/base/access_log.h"
#include "tests/simulation/data/link.h"
#include "tests/simulation/data/simulation.h"

namespace ringway {

void proxy::log_access(const AccessEntry& entry) {
    simulation::data::Kernel::current()->watcher->logged(entry);
}

void proxy::log_debug(const DebugEntry& /*entry*/) {}

void simulation::data::silence_log() {
    spdlog::set_level(spdlog::level::off);
}

}  // namespace ringway
