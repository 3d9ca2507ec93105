#include "tests/proxy/faults_allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

thread_local bool counted = false;
std::atomic<std::size_t> made{0};
std::atomic<std::size_t> failing{0};

void note_allocation() {
    if (!counted) return;
    if (++made == failing) throw std::bad_alloc();
}

}  // namespace

namespace ringway::test::faults {

void count_allocations_of_this_thread() {
    counted = true;
}

void count_allocations(std::size_t nth) {
    made = 0;
    failing = nth;
}

std::size_t allocations() {
    return made;
}

UncountedAllocations::UncountedAllocations() : counted_before_(counted) {
    counted = false;
}

UncountedAllocations::~UncountedAllocations() {
    counted = counted_before_;
}

}  // namespace ringway::test::faults

void* operator new(std::size_t bytes) {
    note_allocation();
    if (void* const memory = std::malloc(bytes)) return memory;
    throw std::bad_alloc();
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    note_allocation();
    const auto step = static_cast<std::size_t>(alignment);
    if (void* const memory = std::aligned_alloc(step, (bytes + step - 1) / step * step)) {
        return memory;
    }
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}
