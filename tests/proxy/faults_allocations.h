// The allocations of one thread, counted, and one of them made to fail. This executable defines
// operator new itself.
#pragma once

#include <cstddef>

namespace ringway::test::faults {

// Those of the calling thread count from now on.
void count_allocations_of_this_thread();

// Starts a count. The `nth`, from 1, fails; 0 lets all pass. Test thread.
void count_allocations(std::size_t nth);
// Since the count started.
std::size_t allocations();

// Those that the test makes itself while this lives. Any thread.
class UncountedAllocations {
public:
    UncountedAllocations();
    ~UncountedAllocations();
    UncountedAllocations(const UncountedAllocations&) = delete;
    UncountedAllocations& operator=(const UncountedAllocations&) = delete;

private:
    const bool counted_before_;
};

}  // namespace ringway::test::faults
