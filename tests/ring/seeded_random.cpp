#include "tests/ring/seeded_random.h"

#include <cstdint>
#include <cstdlib>

#include <boost/test/unit_test.hpp>

namespace ringway::ring::test {

SeededRandom::SeededRandom() {
    const char* const wanted = std::getenv("RINGWAY_TEST_SEED");
    const std::uint64_t number =
        wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : std::random_device{}();
    seed(number);
    context_ = boost::unit_test::framework::add_context(
        BOOST_TEST_LAZY_MSG("RINGWAY_TEST_SEED=" << number), true);
}

SeededRandom::~SeededRandom() {
    boost::unit_test::framework::clear_context(context_);
}

}  // namespace ringway::ring::test
