#include "ring/page_block.h"

#include <cstdint>
#include <cstring>
#include <new>

#include <sys/mman.h>

namespace ringway::ring {
namespace {

constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;
constexpr std::size_t page_bytes = 4096;
constexpr std::align_val_t line{64};

bool is_mapped(std::size_t bytes) {
    return bytes >= huge_page_bytes;
}

std::size_t mapped_bytes(std::size_t bytes) {
    return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}

// Begins on a huge page and ends on the last small page needed, so that the
// rounding costs no memory. The kernel gives addresses on small pages: map more
// than is needed and give back what sticks out on both sides.
std::byte* map(std::size_t bytes) {
    const std::size_t wanted = mapped_bytes(bytes);
    const std::size_t length = wanted + huge_page_bytes;
    void* const mapping =
        mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) throw std::bad_alloc();
    auto* const begin = static_cast<std::byte*>(mapping);
    const std::size_t over = reinterpret_cast<std::uintptr_t>(begin) % huge_page_bytes;
    const std::size_t head = over == 0 ? 0 : huge_page_bytes - over;
    const std::size_t tail = length - head - wanted;
    if (head != 0) munmap(begin, head);
    if (tail != 0) munmap(begin + head + wanted, tail);
    madvise(begin + head, wanted, MADV_HUGEPAGE);  // a wish: without it, small pages do
    return begin + head;
}

}  // namespace

PageBlock::PageBlock(std::size_t bytes) : bytes_(bytes) {
    if (bytes == 0) return;
    if (is_mapped(bytes)) {
        data_ = map(bytes);
        return;
    }
    data_ = static_cast<std::byte*>(operator new(bytes, line));
    std::memset(data_, 0, bytes);
}

PageBlock::~PageBlock() {
    if (data_ == nullptr) return;
    if (is_mapped(bytes_))
        munmap(data_, mapped_bytes(bytes_));
    else
        operator delete(data_, line);
}

}  // namespace ringway::ring
