#include "proxy/net/batch.h"

#include <liburing.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstddef>
#include <system_error>
#include <thread>
#include <utility>

namespace ringway::proxy {

namespace {

// With it the kernel never sets a read or a write aside for later.
constexpr int read_flags = MSG_DONTWAIT;
constexpr int write_flags = MSG_DONTWAIT | MSG_NOSIGNAL;

// Below this a call of its own is cheaper.
constexpr std::size_t worth_a_ring = 2;

}  // namespace

struct Batch::Ring {
    // When a ring goes, the kernel interrupts the blocking calls of the thread that has set it up
    // (EINTR). One that has ended has none.
    Ring() {
        int error = 0;
        std::thread([&] {
            error = -::io_uring_queue_init(slot_count, &ring, IORING_SETUP_SUBMIT_ALL);
        }).join();
        if (error != 0) throw std::system_error(error, std::generic_category(), "io_uring_setup");
    }
    ~Ring() { ::io_uring_queue_exit(&ring); }
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    io_uring_sqe* next_entry() {
        io_uring_sqe* const entry = ::io_uring_get_sqe(&ring);
        assert(entry != nullptr);
        return entry;
    }

    io_uring ring{};
};

Batch::Batch(std::size_t bytes_per_read)
    : ring_(std::make_unique<Ring>()),
      room_(std::make_unique_for_overwrite<char[]>(slot_count * bytes_per_read)) {
    for (std::size_t i = 0; i < slot_count; ++i) {
        slots_[i].room_ = {room_.get() + i * bytes_per_read, bytes_per_read};
    }
}

Batch::~Batch() = default;

bool Batch::Slot::begin_write(int socket, std::string_view bytes, std::size_t clear_bytes,
                              bool end_follows) {
    assert(is_read());
    if (bytes.size() > room_.size()) return false;
    if (bytes.data() != room_.data()) std::ranges::copy(bytes, room_.begin());
    size_ = bytes.size();
    clear_bytes_ = clear_bytes;
    socket_ = socket;
    flags_ = end_follows ? write_flags | MSG_MORE : write_flags;
    kind_ = Kind::write;
    pending_ = true;
    return true;
}

void Batch::Slot::release() {
    kind_ = Kind::none;
    pending_ = false;
    owner_ = nullptr;
}

void Batch::begin_read(int socket, PollHandler& owner, std::size_t limit) {
    if (used_ == slot_count) return;
    Slot& slot = slots_[used_++];
    slot.owner_ = &owner;
    slot.socket_ = socket;
    slot.size_ = std::min(limit, slot.room_.size());
    slot.flags_ = read_flags;
    slot.kind_ = Slot::Kind::read;
    slot.pending_ = true;
}

Batch::Slot* Batch::find(const PollHandler& owner) {
    const auto used = slots();
    const auto found = std::ranges::find(used, &owner, &Slot::owner_);
    return found == used.end() ? nullptr : &*found;
}

void Batch::clear() {
    for (Slot& slot : slots()) slot.release();
    used_ = 0;
}

bool Batch::run() {
    const auto pending =
        static_cast<std::size_t>(std::ranges::count_if(slots(), &Slot::is_pending));
    if (pending == 0) return false;
    if (ring_ && pending >= worth_a_ring) run_in_ring(pending);
    for (Slot& slot : slots()) {
        if (slot.pending_) run_alone(slot);
    }
    return true;
}

// All that was prepared in one call; `done` takes the number and the result of each. Where the ring
// fails it is given up for good, and what is still pending is left.
template <class Done>
void Batch::carry_out(std::size_t pending, const Done& done) {
    while (pending > 0) {
        const int error = -::io_uring_submit_and_wait(&ring_->ring, static_cast<unsigned>(pending));
        unsigned head = 0;
        unsigned completions = 0;
        const io_uring_cqe* completion = nullptr;
        io_uring_for_each_cqe(&ring_->ring, head, completion) {
            done(::io_uring_cqe_get_data64(completion), completion->res);
            ++completions;
        }
        ::io_uring_cq_advance(&ring_->ring, completions);
        pending -= completions;
        if (error <= 0 || error == EINTR) continue;
        failure_.store(error, std::memory_order_relaxed);
        ring_.reset();
        return;
    }
}

void Batch::run_in_ring(std::size_t pending) {
    for (std::size_t i = 0; i < used_; ++i) {
        if (slots_[i].pending_) prepare(i);
    }
    carry_out(pending, [this](std::size_t i, int result) { done(slots_[i], result); });
}

void Batch::begin_close(Fd socket) {
    if (closing_count_ == closing_.size()) close_all();
    closing_[closing_count_++] = std::move(socket);
}

// A socket that the ring has not closed is closed alone.
void Batch::close_all() {
    const auto sockets = std::span(closing_).first(std::exchange(closing_count_, 0));
    if (ring_ && sockets.size() >= worth_a_ring) {
        for (std::size_t i = 0; i < sockets.size(); ++i) {
            io_uring_sqe* const entry = ring_->next_entry();
            ::io_uring_prep_close(entry, sockets[i].get());
            ::io_uring_sqe_set_data64(entry, i);
        }
        carry_out(sockets.size(), [&](std::size_t i, int result) {
            if (result == 0) sockets[i].release();
        });
    }
    for (Fd& socket : sockets) socket.close();
}

void Batch::prepare(std::size_t i) {
    const Slot& slot = slots_[i];
    io_uring_sqe* const entry = ring_->next_entry();
    if (slot.kind_ == Slot::Kind::read) {
        ::io_uring_prep_recv(entry, slot.socket_, slot.room_.data(), slot.size_, slot.flags_);
    } else {
        ::io_uring_prep_send(entry, slot.socket_, slot.room_.data(), slot.size_, slot.flags_);
    }
    ::io_uring_sqe_set_data64(entry, i);
}

void Batch::run_alone(Slot& slot) {
    const ssize_t moved = slot.kind_ == Slot::Kind::read
                              ? ::recv(slot.socket_, slot.room_.data(), slot.size_, slot.flags_)
                              : ::send(slot.socket_, slot.room_.data(), slot.size_, slot.flags_);
    done(slot, static_cast<int>(moved < 0 ? -errno : moved));
}

void Batch::done(Slot& slot, int result) {
    slot.result_ = result;
    slot.pending_ = false;
    if (slot.kind_ == Slot::Kind::read) slot.size_ = static_cast<std::size_t>(std::max(result, 0));
}

}  // namespace ringway::proxy
