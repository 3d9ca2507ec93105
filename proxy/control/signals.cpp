#include "proxy/control/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace ringway::proxy {

namespace {

sigset_t set_of(std::initializer_list<int> numbers) {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int number : numbers) ::sigaddset(&set, number);
    return set;
}

sigset_t all() {
    return set_of({SIGHUP, SIGINT, SIGTERM, SIGUSR1});
}

int open_descriptor() {
    const sigset_t set = all();
    const int fd = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
    return fd;
}

}  // namespace

sigset_t block_signals() {
    const sigset_t set = all();
    sigset_t before;
    ::pthread_sigmask(SIG_BLOCK, &set, &before);
    return before;
}

void restore_signals(const sigset_t& mask) {
    ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

// splice(2) has no flag against SIGPIPE; a log file may meet RLIMIT_FSIZE.
void ignore_signals_of_writes() {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);
}

bool stop_is_pending() {
    sigset_t pending;
    ::sigpending(&pending);
    return ::sigismember(&pending, SIGINT) == 1 || ::sigismember(&pending, SIGTERM) == 1;
}

Signals::Signals(boost::asio::io_context& io) : descriptor_(io, open_descriptor()) {}

void Signals::listen(std::function<void(int)> on_signal) {
    on_signal_ = std::move(on_signal);
    wait();
}

void Signals::close() {
    boost::system::error_code ignored;
    descriptor_.close(ignored);
}

void Signals::wait() {
    descriptor_.async_wait(
        boost::asio::posix::descriptor_base::wait_read,
        [this](const boost::system::error_code& error) {
            if (error) return;
            signalfd_siginfo info{};
            while (descriptor_.is_open() &&
                   ::read(descriptor_.native_handle(), &info, sizeof info) == sizeof info) {
                on_signal_(static_cast<int>(info.ssi_signo));
            }
            if (descriptor_.is_open()) wait();
        });
}

}  // namespace ringway::proxy
