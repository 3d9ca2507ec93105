// The calls that a worker's loop makes to wait for events, and close(2).
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <utility>

#include "tests/simulation/data/files.h"
#include "tests/simulation/data/link.h"

namespace {

using namespace ringway::simulation::data;

Kernel* kernel_of(int fd) {
    Kernel* const kernel = Kernel::current();
    return kernel != nullptr && kernel->file(fd) != nullptr ? kernel : nullptr;
}

}  // namespace

extern "C" {

int epoll_create1(int flags) noexcept {
    Kernel* const kernel = Kernel::current();
    if (kernel == nullptr) return static_cast<int>(::syscall(SYS_epoll_create1, flags));
    return kernel->open(kernel->make<Epoll>());
}

int epoll_ctl(int set, int operation, int fd, epoll_event* event) noexcept {
    Kernel* const kernel = kernel_of(set);
    if (kernel == nullptr)
        return static_cast<int>(::syscall(SYS_epoll_ctl, set, operation, fd, event));
    auto* const link = kernel->file_as<Link>(fd);
    if (link != nullptr && kernel->lacks_watches && operation == EPOLL_CTL_ADD) {
        kernel->refused_at = kernel->now();
        errno = ENOSPC;
        return -1;
    }
    const int done = kernel->watch(*kernel->file_as<Epoll>(set), operation, fd, event);
    if (link != nullptr && done == 0) kernel->watcher->watched(*link);
    return done;
}

int epoll_wait(int set, epoll_event* events, int room, int timeout) {
    Kernel* const kernel = kernel_of(set);
    if (kernel == nullptr) {
        return static_cast<int>(::syscall(SYS_epoll_pwait, set, events, room, timeout, nullptr, 0));
    }
    return kernel->wait(*kernel->file_as<Epoll>(set), events, room,
                        std::chrono::milliseconds(timeout));
}

int timerfd_create(int clock, int flags) noexcept {
    Kernel* const kernel = Kernel::current();
    if (kernel == nullptr) return static_cast<int>(::syscall(SYS_timerfd_create, clock, flags));
    return kernel->open(kernel->make<TimerFile>());
}

// At a moment, and once.
int timerfd_settime(int fd, int flags, const itimerspec* time, itimerspec* old) noexcept {
    Kernel* const kernel = kernel_of(fd);
    if (kernel == nullptr)
        return static_cast<int>(::syscall(SYS_timerfd_settime, fd, flags, time, old));
    auto& file = *kernel->file_as<TimerFile>(fd);
    file.rang = false;
    const TimePoint due(std::chrono::seconds(time->it_value.tv_sec) +
                        std::chrono::nanoseconds(time->it_value.tv_nsec));
    const auto delay = std::max(due - kernel->now(), Duration(0));
    kernel->after(delay, [kernel, &file, setting = ++file.settings] {
        if (file.fd < 0 || file.settings != setting) return;
        file.rang = true;
        kernel->wake(file);
    });
    return 0;
}

int eventfd(unsigned value, int flags) noexcept {
    Kernel* const kernel = Kernel::current();
    if (kernel == nullptr) return static_cast<int>(::syscall(SYS_eventfd2, value, flags));
    return kernel->open(kernel->make<EventFile>());
}

int eventfd_write(int fd, eventfd_t value) {
    Kernel* const kernel = kernel_of(fd);
    if (kernel == nullptr) return ::syscall(SYS_write, fd, &value, sizeof value) < 0 ? -1 : 0;
    auto& file = *kernel->file_as<EventFile>(fd);
    file.count += value;
    kernel->wake(file);
    return 0;
}

int eventfd_read(int fd, eventfd_t* value) {
    Kernel* const kernel = kernel_of(fd);
    if (kernel == nullptr) return ::syscall(SYS_read, fd, value, sizeof *value) < 0 ? -1 : 0;
    *value = std::exchange(kernel->file_as<EventFile>(fd)->count, 0);
    return 0;
}

int close(int fd) {
    Kernel* const kernel = kernel_of(fd);
    if (kernel == nullptr) return static_cast<int>(::syscall(SYS_close, fd));
    kernel->spend_call();
    kernel->close(fd);
    return 0;
}

}  // extern "C"
