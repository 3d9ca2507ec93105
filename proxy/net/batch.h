// Reads of many sockets, the writes of what they brought, and the closing of those that have ended,
// in one system call each (io_uring(7)). Every one completes inside the call: nothing is in flight
// between calls, and nothing needs cancelling. One thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "proxy/base/fd.h"
#include "proxy/net/io_result.h"

namespace ringway::proxy {

class PollHandler;

class Batch {
public:
    // So many in one call gain nearly all that more would, and what they read still fits the
    // cache of a processor.
    static constexpr std::size_t slot_count = 16;

    // A read of one side of a relay, and the write of what it brought to the other.
    class Slot {
    public:
        // Whether it was begun and not carried out yet.
        bool is_pending() const { return pending_; }
        bool is_read() const { return kind_ == Kind::read && !pending_; }
        bool is_written() const { return kind_ == Kind::write && !pending_; }

        // Of what was carried out last.
        IoResult result() const { return IoResult::of_code(result_); }
        // What the read brought, or is to be written.
        std::string_view bytes() const { return {room_.data(), size_}; }
        std::size_t room_bytes() const { return room_.size(); }
        // What is written stands for so many bytes, which is what begin_write() was told.
        std::size_t clear_bytes() const { return clear_bytes_; }
        PollHandler& owner() const { return *owner_; }

        // Has the batch write `bytes` to `socket`: what was read, or others, which are copied;
        // false if there is no room for them. `end_follows`: the last segment may wait for it.
        bool begin_write(int socket, std::string_view bytes, std::size_t clear_bytes,
                         bool end_follows);
        // Takes the slot from its owner; what is pending is not carried out.
        void release();

    private:
        friend class Batch;
        enum class Kind : std::uint8_t { none, read, write };

        std::span<char> room_;
        std::size_t size_ = 0;
        std::size_t clear_bytes_ = 0;
        PollHandler* owner_ = nullptr;
        int socket_ = -1;
        int flags_ = 0;
        int result_ = 0;
        Kind kind_ = Kind::none;
        bool pending_ = false;
    };

    // Throws std::system_error if the kernel refuses: it is too old, a filter of the container or
    // kernel.io_uring_disabled forbids it, or there are no descriptors or memory.
    explicit Batch(std::size_t bytes_per_read);
    ~Batch();
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    // Has run() read up to `limit` bytes from `socket`, where a slot is free.
    void begin_read(int socket, PollHandler& owner, std::size_t limit);
    // Carries out what was begun; false if there was nothing. Never blocks.
    bool run();

    // Closes `socket` with others, when close_all() comes or as many wait as go into one call.
    // Takes no memory.
    void begin_close(Fd socket);
    void close_all();

    // Those that were begun since clear().
    std::span<Slot> slots() { return std::span(slots_).first(used_); }
    // The slot of `owner`; nullptr if it has none.
    Slot* find(const PollHandler& owner);
    void clear();

    // Any thread. The errno with which io_uring has failed, after which all are plain calls; 0 as
    // long as it works.
    int failure() const { return failure_.load(std::memory_order_relaxed); }

private:
    struct Ring;

    void run_in_ring(std::size_t pending);
    template <class Done>
    void carry_out(std::size_t pending, const Done& done);
    void prepare(std::size_t slot);
    static void run_alone(Slot& slot);
    static void done(Slot& slot, int result);

    std::unique_ptr<Ring> ring_;
    std::unique_ptr<char[]> room_;
    std::array<Slot, slot_count> slots_;
    std::size_t used_ = 0;
    std::array<Fd, slot_count> closing_;
    std::size_t closing_count_ = 0;
    std::atomic<int> failure_{0};
};

}  // namespace ringway::proxy
