#include "tests/support/plain_ring.h"

#include <liburing.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace {

constexpr unsigned most_entries = 64;

struct Rings {
    unsigned submission_head = 0;
    unsigned completion_head = 0;
    unsigned completion_tail = 0;
    std::array<io_uring_sqe, most_entries> submissions;
    std::array<io_uring_cqe, most_entries> completions;
} rings;

int carried_out(const io_uring_sqe& entry) {
    if (entry.opcode == IORING_OP_CLOSE) return ::close(entry.fd) == 0 ? 0 : -errno;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): that is how an entry carries it
    auto* const bytes = reinterpret_cast<void*>(entry.addr);
    const int flags = static_cast<int>(entry.msg_flags);
    const ssize_t moved = entry.opcode == IORING_OP_RECV
                              ? ::recv(entry.fd, bytes, entry.len, flags)
                              : ::send(entry.fd, bytes, entry.len, flags);
    return static_cast<int>(moved < 0 ? -errno : moved);
}

}  // namespace

extern "C" {

int io_uring_queue_init(unsigned entries, io_uring* ring, unsigned flags) {
    rings.submission_head = rings.completion_head = rings.completion_tail = 0;
    *ring = {};
    ring->flags = flags;
    ring->sq.khead = &rings.submission_head;
    ring->sq.sqes = rings.submissions.data();
    ring->sq.ring_mask = entries - 1;
    ring->sq.ring_entries = entries;
    ring->cq.khead = &rings.completion_head;
    ring->cq.ktail = &rings.completion_tail;
    ring->cq.cqes = rings.completions.data();
    ring->cq.ring_mask = most_entries - 1;
    ring->cq.ring_entries = most_entries;
    return 0;
}

void io_uring_queue_exit(io_uring* /*ring*/) {}

int io_uring_submit_and_wait(io_uring* ring, unsigned /*completions*/) {
    ringway::test::RingMishap mishap;
    if (ringway::test::ring_mishap != nullptr) mishap = ringway::test::ring_mishap();
    if (mishap.error != 0) return -mishap.error;
    unsigned submitted = 0;
    while (rings.submission_head != ring->sq.sqe_tail && submitted < mishap.most) {
        const io_uring_sqe& entry = ring->sq.sqes[rings.submission_head & ring->sq.ring_mask];
        io_uring_cqe& completion = ring->cq.cqes[rings.completion_tail & ring->cq.ring_mask];
        completion.user_data = entry.user_data;
        completion.res = carried_out(entry);
        ++rings.submission_head;
        ++rings.completion_tail;
        ++submitted;
    }
    return static_cast<int>(submitted);
}

}  // extern "C"
