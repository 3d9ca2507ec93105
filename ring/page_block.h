// A block of memory that the kernel may back with huge pages: a lookup touches
// random cache lines, and with small pages each of them is a TLB miss too.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

namespace ringway::ring {

// Owns its bytes, aligned to a cache line and of any content. Throws std::bad_alloc.
class PageBlock {
public:
    PageBlock() = default;
    explicit PageBlock(std::size_t bytes);
    ~PageBlock();
    PageBlock(PageBlock&& other) noexcept
        : mapping_(std::exchange(other.mapping_, {})),
          data_(std::exchange(other.data_, nullptr)),
          bytes_(std::exchange(other.bytes_, 0)) {}
    PageBlock& operator=(PageBlock&& other) noexcept {
        std::swap(mapping_, other.mapping_);
        std::swap(data_, other.data_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }

    std::byte* data() { return data_; }
    const std::byte* data() const { return data_; }
    std::size_t bytes() const { return bytes_; }

private:
    std::span<std::byte> mapping_;  // the mapping that data_ lies in, if any
    std::byte* data_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace ringway::ring
