#include "ring/page_block.h"

#include <array>
#include <cstdint>
#include <mutex>
#include <new>
#include <span>
#include <utility>

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

// Begins on a huge page and ends on the last small page needed, so that the rounding costs no
// memory. The kernel gives addresses on small pages: map more than is needed and unmap the excess
// on both sides.
std::byte* map(std::size_t wanted) {
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
    madvise(begin + head, wanted, MADV_HUGEPAGE);  // advisory: small pages also work
    return begin + head;
}

// The mappings that were given back last. A change of a large ring needs blocks of
// the sizes that the change before it has freed, and new pages cost as much time as
// all that is written to them. Any thread.
class Spares {
public:
    // One of at least so many bytes, and not many more, or nothing.
    std::span<std::byte> take(std::size_t bytes) {
        const std::scoped_lock lock(mutex_);
        for (std::span<std::byte>& spare : spares_)
            if (spare.size() >= bytes && spare.size() - bytes <= bytes / 8)
                return std::exchange(spare, {});
        return {};
    }

    void give(std::span<std::byte> block) {
        {
            const std::scoped_lock lock(mutex_);
            std::swap(block, spares_[next_++ % spares_.size()]);
        }
        if (!block.empty()) munmap(block.data(), block.size());
    }

private:
    std::mutex mutex_;
    std::array<std::span<std::byte>, 2> spares_;  // points and arcs of one ring
    std::size_t next_ = 0;
};

// Never destroyed: snapshots may live longer than any static object.
Spares& spares() {
    static Spares& all = *new Spares;
    return all;
}

}  // namespace

PageBlock::PageBlock(std::size_t bytes) : bytes_(bytes) {
    if (bytes == 0) return;
    if (!is_mapped(bytes)) {
        data_ = static_cast<std::byte*>(operator new(bytes, line));
        return;
    }
    mapping_ = spares().take(mapped_bytes(bytes));
    if (mapping_.empty()) mapping_ = {map(mapped_bytes(bytes)), mapped_bytes(bytes)};
    data_ = mapping_.data();
}

PageBlock::~PageBlock() {
    if (!mapping_.empty())
        spares().give(mapping_);
    else if (data_ != nullptr)
        operator delete(data_, line);
}

}  // namespace ringway::ring
