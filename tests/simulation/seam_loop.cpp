// Asio's waits. Nothing that control's loop waits for is a descriptor here, and its timers go by a
// World's clock, which no timer descriptor knows: without one Asio asks its timers each time that
// the loop is polled. No system call is left in that. The loops of workers, which do not turn here,
// have a timer descriptor, and are known by asking for one that does not block.
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "tests/simulation/world.h"

using ringway::simulation::World;

extern "C" {

int timerfd_create(int clock, int flags) noexcept {
    if (World::current() == nullptr || (flags & TFD_NONBLOCK) != 0)
        return static_cast<int>(::syscall(SYS_timerfd_create, clock, flags));
    errno = ENOSYS;
    return -1;
}

int epoll_ctl(int set, int operation, int fd, epoll_event* event) noexcept {
    if (World::current() != nullptr) return 0;
    return static_cast<int>(::syscall(SYS_epoll_ctl, set, operation, fd, event));
}

int epoll_wait(int set, epoll_event* events, int count, int timeout_ms) {
    if (World::current() != nullptr) return 0;
    return static_cast<int>(
        ::syscall(SYS_epoll_pwait, set, events, count, timeout_ms, nullptr, _NSIG / 8));
}

}  // extern "C"
