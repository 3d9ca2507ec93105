#define BOOST_TEST_MODULE proxy
#include <csignal>

#include <boost/test/unit_test.hpp>

// As main() of the proxy: splice(2) to a closed socket would end the process.
struct WithoutSigpipe {
    WithoutSigpipe() { std::signal(SIGPIPE, SIG_IGN); }
};
BOOST_TEST_GLOBAL_FIXTURE(WithoutSigpipe);
