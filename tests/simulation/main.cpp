#define BOOST_TEST_MODULE simulation
#include <csignal>

#include <boost/test/unit_test.hpp>

#include "proxy/base/access_log.h"

// As main() of the proxy: splice(2) to a closed socket would end the process. Log lines are
// discarded unless a test captures them.
struct Surroundings {
    Surroundings() {
        std::signal(SIGPIPE, SIG_IGN);
        ringway::proxy::stop_logging();
    }
};
BOOST_TEST_GLOBAL_FIXTURE(Surroundings);
