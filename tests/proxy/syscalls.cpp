#include "tests/proxy/syscalls.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <liburing.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace syscalls = ringway::test::syscalls;

namespace {

// The definition behind ours: the C library's, or a sanitizer's that calls it.
template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

bool is_refused(const std::atomic<int>& error) {
    const int wanted = error;
    if (wanted != 0) errno = wanted;
    return wanted != 0;
}

}  // namespace

extern "C" {

ssize_t splice(int in, off64_t* in_offset, int out, off64_t* out_offset, std::size_t size,
               unsigned flags) {
    static auto* const real = next<decltype(splice)>("splice");
    if (syscalls::before_splice) syscalls::before_splice(in);
    const ssize_t moved = real(in, in_offset, out, out_offset, size, flags);
    int type = 0;
    socklen_t type_size = sizeof type;
    const int error = errno;
    const bool is_socket = ::getsockopt(in, SOL_SOCKET, SO_TYPE, &type, &type_size) == 0;
    errno = error;
    if (is_socket && moved > 0) syscalls::spliced_bytes += static_cast<std::uint64_t>(moved);
    return moved;
}

int pipe2(int ends[2], int flags) noexcept {
    static auto* const real = next<int(int*, int)>("pipe2");
    if (is_refused(syscalls::pipe_error)) return -1;
    ++syscalls::pipes_made;
    return real(ends, flags);
}

int io_uring_queue_init(unsigned entries, io_uring* ring, unsigned flags) {
    static auto* const real = next<decltype(io_uring_queue_init)>("io_uring_queue_init");
    if (is_refused(syscalls::ring_setup_error)) return -errno;
    return real(entries, ring, flags);
}

int io_uring_submit_and_wait(io_uring* ring, unsigned completions) {
    static auto* const real = next<decltype(io_uring_submit_and_wait)>("io_uring_submit_and_wait");
    if (const int error = syscalls::ring_error_once.exchange(0); error != 0) return -error;
    ++syscalls::ring_calls;
    return real(ring, completions);
}

int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
    static auto* const real = next<int(int, sockaddr*, socklen_t*, int)>("accept4");
    ++syscalls::accepts;
    while (syscalls::accepts_held && (flags & SOCK_NONBLOCK) != 0) ::usleep(1000);
    if (is_refused(syscalls::accept_error)) return -1;
    return real(fd, address, size, flags);
}

int socket(int domain, int type, int protocol) noexcept {
    static auto* const real = next<int(int, int, int)>("socket");
    if (is_refused(syscalls::socket_error)) return -1;
    return real(domain, type, protocol);
}

int epoll_ctl(int set, int operation, int fd, epoll_event* event) noexcept {
    static auto* const real = next<int(int, int, int, epoll_event*)>("epoll_ctl");
    const bool is_relay = operation == EPOLL_CTL_ADD && (event->events & EPOLLRDHUP) != 0;
    if (is_relay && is_refused(syscalls::watch_error)) return -1;
    return real(set, operation, fd, event);
}

int epoll_wait(int set, epoll_event* events, int room, int timeout) {
    static auto* const real = next<decltype(epoll_wait)>("epoll_wait");
    const int count = real(set, events, room, timeout);
    while (syscalls::events_held) ::usleep(1000);
    return count;
}

}  // extern "C"
