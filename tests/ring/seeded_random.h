// The random generator of the ring's tests. One thread.
#pragma once

#include <random>

namespace ringway::ring::test {

// A generator with a fresh seed, which is printed with every failure while it
// lives. RINGWAY_TEST_SEED in the environment repeats a run.
class SeededRandom : public std::mt19937_64 {
public:
    SeededRandom();
    ~SeededRandom();
    SeededRandom(const SeededRandom&) = delete;
    SeededRandom& operator=(const SeededRandom&) = delete;

private:
    int context_;
};

}  // namespace ringway::ring::test
