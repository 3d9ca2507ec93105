#include "tests/proxy/faults_calls.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <map>
#include <mutex>
#include <span>

#include <fmt/format.h>

#include "tests/proxy/faults_allocations.h"
#include "tests/support/plain_ring.h"

namespace faults = ringway::test::faults;

namespace {

using faults::Fault;
using faults::Hit;
using faults::Role;

constexpr Fault short_count{0};
// The poller's set, not that of Asio, which asks for fewer events.
constexpr int events_of_poller = 256;

// accept(2), "Error handling", has the second half.
constexpr Fault accept_faults[] = {{EAGAIN}, {ECONNABORTED}, {EINTR},       {EMFILE},
                                   {ENFILE}, {ENOBUFS},      {ENOMEM},      {EPERM},
                                   {EPROTO}, {ENETDOWN},     {ENOPROTOOPT}, {EHOSTDOWN},
                                   {ENONET}, {EHOSTUNREACH}, {EOPNOTSUPP},  {ENETUNREACH}};
constexpr Fault socket_faults[] = {{EMFILE}, {ENFILE}, {ENOBUFS},
                                   {ENOMEM}, {EACCES}, {EAFNOSUPPORT}};
constexpr Fault bind_faults[] = {{EADDRNOTAVAIL}, {EADDRINUSE}, {EACCES}, {ENOMEM}};
constexpr Fault connect_faults[] = {{ECONNREFUSED}, {EADDRNOTAVAIL}, {EAGAIN},    {EADDRINUSE},
                                    {ENETUNREACH},  {EHOSTUNREACH},  {ETIMEDOUT}, {EACCES},
                                    {EPERM},        {ENOBUFS},       {ENOMEM},    {EPROTO}};
constexpr Fault name_faults[] = {{ENOBUFS}, {ENOTCONN}};
constexpr Fault option_faults[] = {{ENOMEM}, {ENOBUFS}, {ENOPROTOOPT}, {EPERM}};
constexpr Fault ioctl_faults[] = {{EINVAL}, {ENOTTY}};
constexpr Fault recv_faults[] = {{EAGAIN},  short_count, {ECONNRESET},   {ENOMEM},
                                 {ENOBUFS}, {ETIMEDOUT}, {EHOSTUNREACH}, {ENETUNREACH}};
constexpr Fault send_faults[] = {{EAGAIN},  short_count, {ECONNRESET},   {EPIPE},      {ENOMEM},
                                 {ENOBUFS}, {ETIMEDOUT}, {EHOSTUNREACH}, {ENETUNREACH}};
constexpr Fault splice_faults[] = {{EAGAIN}, short_count, {ECONNRESET},  {EPIPE},
                                   {ENOMEM}, {ETIMEDOUT}, {EHOSTUNREACH}};
constexpr Fault shutdown_faults[] = {{ENOTCONN}};
constexpr Fault close_faults[] = {{EINTR}, {EIO}, {ENOSPC}};
constexpr Fault add_faults[] = {{ENOMEM}, {ENOSPC}};
constexpr Fault modify_faults[] = {{ENOMEM}};
constexpr Fault wait_faults[] = {{EINTR}};
constexpr Fault ring_faults[] = {{EINTR}, short_count, {EAGAIN}, {EBUSY}, {ENOMEM}};
constexpr Fault pipe_faults[] = {{EMFILE}, {ENFILE}, {ENOMEM}};
constexpr Fault fcntl_faults[] = {{EPERM}, {EBUSY}, {ENOMEM}};

struct Watch {
    int set;
    epoll_event event;
};

// Guarded by the mutex: the test's thread sets what the worker's reads.
struct State {
    std::mutex mutex;
    std::map<int, Role> roles;
    std::map<int, Watch> watches;
    std::size_t nth = 0;
    std::size_t fault = 0;
    std::size_t calls = 0;
    std::size_t faults_of_nth = 0;
    std::optional<Hit> hit;
};

State& state() {
    static State one;
    return one;
}

thread_local bool watched = false;
std::atomic<std::size_t> spliced{0};
// The definition behind ours: the C library's, or a sanitizer's that calls it.
template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

void set_role(int fd, Role role) {
    if (fd < 0) return;
    const faults::UncountedAllocations scope;
    const std::lock_guard lock(state().mutex);
    state().watches.erase(fd);
    if (role == Role::other) {
        state().roles.erase(fd);
    } else {
        state().roles[fd] = role;
    }
}

Role role_of(int fd) {
    const std::lock_guard lock(state().mutex);
    const auto found = state().roles.find(fd);
    return found != state().roles.end() ? found->second : Role::other;
}

// Counts a call on `fd`; the fault with which it is to fail. Calls on descriptors of no role are
// none of connections.
std::optional<Fault> fault_of(const char* call, Role role, std::span<const Fault> list) {
    if (!watched || role == Role::other) return std::nullopt;
    const faults::UncountedAllocations scope;
    State& now = state();
    const std::lock_guard lock(now.mutex);
    if (++now.calls != now.nth) return std::nullopt;
    now.faults_of_nth = list.size();
    if (now.fault >= list.size()) return std::nullopt;
    now.hit = Hit{call, role, list[now.fault]};
    return list[now.fault];
}

bool fails(const char* call, Role role, std::span<const Fault> list) {
    const auto fault = fault_of(call, role, list);
    if (fault) errno = fault->error;
    return fault.has_value();
}

// Of a call that hands reads and writes in.
ringway::test::RingMishap mishap_of_ring() {
    const auto fault = fault_of("io_uring_enter", Role::listener, ring_faults);
    if (!fault) return {};
    if (fault->error == 0) return {.most = 1};
    return {.error = fault->error};
}

// The socket is ready again a moment later, which is an event in an edge-triggered set: the kernel
// makes none for what it did not refuse itself.
void make_edge(int fd) {
    static auto* const modify = next<int(int, int, int, epoll_event*)>("epoll_ctl");
    const int error = errno;
    {
        const std::lock_guard lock(state().mutex);
        const auto found = state().watches.find(fd);
        if (found != state().watches.end()) {
            epoll_event event = found->second.event;
            modify(found->second.set, EPOLL_CTL_MOD, fd, &event);
        }
    }
    errno = error;
}

// Reads and writes: `transfer` moves up to as many bytes as it is given.
template <class Transfer>
ssize_t move_bytes(const char* call, int socket, std::span<const Fault> list, std::size_t size,
                   Transfer transfer) {
    const auto fault = fault_of(call, role_of(socket), list);
    if (!fault) return transfer(size);
    ssize_t result = -1;
    errno = fault->error;
    if (fault->error == 0) result = transfer(1);
    if (fault->error == 0 || fault->error == EAGAIN) make_edge(socket);
    return result;
}

}  // namespace

namespace ringway::test::faults {

std::string Hit::text() const {
    static constexpr std::array names{"other", "listener", "client", "server", "pipe"};
    return fmt::format("{} on {}: {}", call, names[static_cast<std::size_t>(role)],
                       fault.error == 0 ? "short count" : ::strerrorname_np(fault.error));
}

void watch_this_thread() {
    watched = true;
    ring_mishap = mishap_of_ring;
    count_allocations_of_this_thread();
}

void fail_call(std::size_t nth, std::size_t fault) {
    const std::lock_guard lock(state().mutex);
    state().nth = nth;
    state().fault = fault;
    state().calls = state().faults_of_nth = 0;
    state().hit.reset();
    spliced = 0;
    count_allocations(0);
}

void fail_allocation(std::size_t nth) {
    fail_call(0, 0);
    count_allocations(nth);
}

void fail_nothing() {
    count_allocations(0);
    const std::lock_guard lock(state().mutex);
    state().nth = 0;
}

std::size_t calls() {
    const std::lock_guard lock(state().mutex);
    return state().calls;
}

std::optional<Hit> hit() {
    const std::lock_guard lock(state().mutex);
    return state().hit;
}

std::size_t faults_of_nth() {
    const std::lock_guard lock(state().mutex);
    return state().faults_of_nth;
}

std::size_t splices() {
    return spliced;
}

}  // namespace ringway::test::faults

extern "C" {

int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
    static auto* const real = next<int(int, sockaddr*, socklen_t*, int)>("accept4");
    if (watched) set_role(fd, Role::listener);
    if (fails("accept4", role_of(fd), accept_faults)) return -1;
    const int socket = real(fd, address, size, flags);
    const int error = errno;
    if (watched) set_role(socket, Role::client);
    errno = error;
    return socket;
}

int socket(int domain, int type, int protocol) noexcept {
    static auto* const real = next<int(int, int, int)>("socket");
    if (fails("socket", Role::server, socket_faults)) return -1;
    const int fd = real(domain, type, protocol);
    if (watched) set_role(fd, Role::server);
    return fd;
}

int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
    static auto* const real = next<int(int, const sockaddr*, socklen_t)>("bind");
    return fails("bind", role_of(fd), bind_faults) ? -1 : real(fd, address, size);
}

int connect(int fd, const sockaddr* address, socklen_t size) {
    static auto* const real = next<int(int, const sockaddr*, socklen_t)>("connect");
    return fails("connect", role_of(fd), connect_faults) ? -1 : real(fd, address, size);
}

int getsockname(int fd, sockaddr* address, socklen_t* size) noexcept {
    static auto* const real = next<int(int, sockaddr*, socklen_t*)>("getsockname");
    return fails("getsockname", role_of(fd), name_faults) ? -1 : real(fd, address, size);
}

int getpeername(int fd, sockaddr* address, socklen_t* size) noexcept {
    static auto* const real = next<int(int, sockaddr*, socklen_t*)>("getpeername");
    return fails("getpeername", role_of(fd), name_faults) ? -1 : real(fd, address, size);
}

int getsockopt(int fd, int level, int option, void* value, socklen_t* size) noexcept {
    static auto* const real = next<int(int, int, int, void*, socklen_t*)>("getsockopt");
    if (fails("getsockopt", role_of(fd), option_faults)) return -1;
    return real(fd, level, option, value, size);
}

int setsockopt(int fd, int level, int option, const void* value, socklen_t size) noexcept {
    static auto* const real = next<int(int, int, int, const void*, socklen_t)>("setsockopt");
    if (fails("setsockopt", role_of(fd), option_faults)) return -1;
    return real(fd, level, option, value, size);
}

int ioctl(int fd, unsigned long request, ...) noexcept {
    static auto* const real = next<int(int, unsigned long, void*)>("ioctl");
    std::va_list rest;
    va_start(rest, request);
    void* const argument = va_arg(rest, void*);
    va_end(rest);
    return fails("ioctl", role_of(fd), ioctl_faults) ? -1 : real(fd, request, argument);
}

int fcntl(int fd, int command, ...) {
    static auto* const real = next<int(int, int, void*)>("fcntl");
    std::va_list rest;
    va_start(rest, command);
    void* const argument = va_arg(rest, void*);
    va_end(rest);
    return fails("fcntl", role_of(fd), fcntl_faults) ? -1 : real(fd, command, argument);
}

ssize_t recv(int fd, void* room, std::size_t size, int flags) {
    static auto* const real = next<ssize_t(int, void*, std::size_t, int)>("recv");
    return move_bytes((flags & MSG_PEEK) != 0 ? "peek" : "recv", fd, recv_faults, size,
                      [&](std::size_t some) { return real(fd, room, some, flags); });
}

ssize_t send(int fd, const void* bytes, std::size_t size, int flags) {
    static auto* const real = next<ssize_t(int, const void*, std::size_t, int)>("send");
    return move_bytes("send", fd, send_faults, size,
                      [&](std::size_t some) { return real(fd, bytes, some, flags); });
}

ssize_t splice(int in, off64_t* in_offset, int out, off64_t* out_offset, std::size_t size,
               unsigned flags) {
    static auto* const real = next<decltype(splice)>("splice");
    const int socket = role_of(in) == Role::pipe ? out : in;
    if (watched) ++spliced;
    return move_bytes("splice", socket, splice_faults, size, [&](std::size_t some) {
        return real(in, in_offset, out, out_offset, some, flags);
    });
}

int shutdown(int fd, int how) noexcept {
    static auto* const real = next<int(int, int)>("shutdown");
    return fails("shutdown", role_of(fd), shutdown_faults) ? -1 : real(fd, how);
}

// A close that fails has closed all the same (close(2)).
int close(int fd) {
    static auto* const real = next<int(int)>("close");
    const Role role = role_of(fd);
    if (role != Role::other) set_role(fd, Role::other);
    const int closed = real(fd);
    return fails("close", role, close_faults) ? -1 : closed;
}

int pipe2(int ends[2], int flags) noexcept {
    static auto* const real = next<int(int*, int)>("pipe2");
    if (fails("pipe2", Role::pipe, pipe_faults)) return -1;
    const int made = real(ends, flags);
    if (watched && made == 0) {
        set_role(ends[0], Role::pipe);
        set_role(ends[1], Role::pipe);
    }
    return made;
}

int epoll_ctl(int set, int operation, int fd, epoll_event* event) noexcept {
    static auto* const real = next<int(int, int, int, epoll_event*)>("epoll_ctl");
    const bool adds = operation == EPOLL_CTL_ADD;
    const Role role = role_of(fd);
    if (fails("epoll_ctl", role, adds ? std::span<const Fault>(add_faults) : modify_faults)) {
        return -1;
    }
    const int done = real(set, operation, fd, event);
    if (watched && role != Role::other && done == 0 && event != nullptr) {
        const faults::UncountedAllocations scope;
        const std::lock_guard lock(state().mutex);
        state().watches[fd] = {set, *event};
    }
    return done;
}

int epoll_wait(int set, epoll_event* events, int room, int timeout) {
    static auto* const real = next<decltype(epoll_wait)>("epoll_wait");
    const bool is_ours = room == events_of_poller;
    if (is_ours && fails("epoll_wait", Role::listener, wait_faults)) return -1;
    return real(set, events, room, timeout);
}

}  // extern "C"
