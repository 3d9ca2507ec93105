// A random generator for tests. One thread.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>

#include <boost/test/unit_test.hpp>

namespace ringway::test {

// A generator with a fresh seed, which is printed with every failure while it
// lives. RINGWAY_TEST_SEED in the environment repeats a run.
class SeededRandom : public std::mt19937_64 {
public:
    SeededRandom() {
        const char* const wanted = std::getenv("RINGWAY_TEST_SEED");
        const std::uint64_t number =
            wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : std::random_device{}();
        seed(number);
        context_ = boost::unit_test::framework::add_context(
            BOOST_TEST_LAZY_MSG("RINGWAY_TEST_SEED=" << number), true);
    }
    ~SeededRandom() { boost::unit_test::framework::clear_context(context_); }
    SeededRandom(const SeededRandom&) = delete;
    SeededRandom& operator=(const SeededRandom&) = delete;

    // From 0 to `end` - 1.
    std::size_t below(std::size_t end) { return static_cast<std::size_t>((*this)() % end); }
    // From `first` to `last`.
    std::size_t between(std::size_t first, std::size_t last) {
        return first + below(last - first + 1);
    }
    bool one_in(std::size_t n) { return below(n) == 0; }

private:
    int context_;
};

}  // namespace ringway::test
