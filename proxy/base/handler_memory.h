// Memory for the handlers that a loop has under way all the time, so that waiting for the next
// event or deadline needs none of the process. A service of the loop: it outlives the handlers
// that are left when the loop ends. Loop's thread.
#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <utility>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/execution_context.hpp>

namespace ringway::proxy {

class HandlerMemory final : public boost::asio::execution_context::service {
public:
    inline static boost::asio::execution_context::id id;  // as Asio asks for
    explicit HandlerMemory(boost::asio::execution_context& loop) : service(loop) {}
    static HandlerMemory& of(boost::asio::execution_context& loop) {
        return boost::asio::use_service<HandlerMemory>(loop);
    }

    // From the process once all slots are taken.
    void* take(std::size_t bytes) {
        for (Slot& slot : slots_) {
            if (slot.taken || bytes > slot_bytes) continue;
            slot.taken = true;
            return slot.bytes.data();
        }
        return ::operator new(bytes);
    }
    void give_back(void* memory) {
        for (Slot& slot : slots_) {
            if (memory != slot.bytes.data()) continue;
            slot.taken = false;
            return;
        }
        ::operator delete(memory);
    }

private:
    static constexpr std::size_t slot_bytes = 256;
    struct Slot {
        alignas(std::max_align_t) std::array<std::byte, slot_bytes> bytes;
        bool taken = false;
    };
    void shutdown() override {}

    // Of a worker's three waits each, and of as many that were cancelled and whose handlers have
    // yet to be called; and some to spare.
    std::array<Slot, 8> slots_;
};

// An allocator that takes from a HandlerMemory.
template <class T>
class HandlerAllocator {
public:
    using value_type = T;

    explicit HandlerAllocator(HandlerMemory& memory) : memory_(&memory) {}
    template <class Other>
    // NOLINTNEXTLINE(google-explicit-constructor): the conversion that allocators have.
    HandlerAllocator(const HandlerAllocator<Other>& other) : memory_(other.memory_) {}

    T* allocate(std::size_t count) { return static_cast<T*>(memory_->take(count * sizeof(T))); }
    void deallocate(T* memory, std::size_t) { memory_->give_back(memory); }
    bool operator==(const HandlerAllocator&) const = default;

private:
    template <class Other>
    friend class HandlerAllocator;
    HandlerMemory* memory_;
};

// `handler` with what it needs taken from `memory`.
template <class Handler>
auto in_memory(HandlerMemory& memory, Handler handler) {
    return boost::asio::bind_allocator(HandlerAllocator<std::byte>(memory), std::move(handler));
}

}  // namespace ringway::proxy
