#include "tools/ringbench/measure.h"

#include <algorithm>

#include <ctime>

namespace ringway::bench {

double thread_ns() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

void take_turns(std::vector<Contestant>& contestants, std::size_t rounds) {
    for (Contestant& contestant : contestants) contestant.round();
    for (std::size_t round = 0; round < rounds; ++round)
        for (Contestant& contestant : contestants) contestant.results.push_back(contestant.round());
}

}  // namespace ringway::bench
