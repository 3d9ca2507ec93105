// Measuring side by side: contestants take turns in short rounds, so that other load on the machine
// affects all of them, and medians of rounds are compared.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace ringway::bench {

// Processor time of the calling thread in nanoseconds: what others take is not counted.
double thread_ns();

// Sorts its argument.
double median(std::vector<double> values);

struct Contestant {
    std::string name;
    // One round; returns nanoseconds for each thing done.
    std::function<double()> round;
    std::vector<double> results;
};

// Lets every contestant have one round to warm up and then `rounds` that count.
void take_turns(std::vector<Contestant>& contestants, std::size_t rounds);

}  // namespace ringway::bench
