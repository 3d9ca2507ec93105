// The clock and the entropy of the program, as a Kernel has them. An executable's own definitions
// come before those of libstdc++.so and libc.so: every caller gets these.
#include <sys/random.h>
#include <time.h>

#include <chrono>
#include <random>

#include "tests/simulation/data/kernel.h"

namespace data = ringway::simulation::data;

namespace std {
namespace chrono {
inline namespace _V2 {

steady_clock::time_point steady_clock::now() noexcept {
    if (const auto* const kernel = data::Kernel::current()) return kernel->now();
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return time_point(seconds(now.tv_sec) + nanoseconds(now.tv_nsec));
}

}  // namespace _V2
}  // namespace chrono

random_device::result_type random_device::_M_getval() {
    auto* const kernel = data::Kernel::current();
    return kernel != nullptr ? static_cast<result_type>(kernel->random().below(1U << 31)) : 4;
}

}  // namespace std

extern "C" ssize_t getrandom(void* bytes, size_t size, unsigned /*flags*/) {
    auto* const to = static_cast<unsigned char*>(bytes);
    auto* const kernel = data::Kernel::current();
    for (size_t i = 0; i < size; ++i) {
        to[i] = kernel != nullptr ? static_cast<unsigned char>(kernel->random().below(256)) : 4;
    }
    return static_cast<ssize_t>(size);
}
