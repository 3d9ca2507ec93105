// The calls that a worker makes on sockets and pipes. This executable defines them itself; those on
// descriptors that are not simulated go on to the kernel of the machine.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstring>

#include "tests/simulation/data/files.h"
#include "tests/simulation/data/link.h"
#include "tests/simulation/data/listener.h"

namespace {

using namespace ringway::simulation::data;

bool is_simulated(int fd) {
    const Kernel* const kernel = Kernel::current();
    return kernel != nullptr && kernel->file(fd) != nullptr;
}

// Nullptr for what is not simulated. Time passes meanwhile.
template <class Kind>
Kind* called(int fd) {
    if (!is_simulated(fd)) return nullptr;
    Kernel::current()->spend_call();
    return Kernel::current()->file_as<Kind>(fd);
}

template <class... Arguments>
long machine(long number, Arguments... arguments) {
    return ::syscall(number, arguments...);
}

int fail(int error) {
    errno = error;
    return -1;
}

bool lacks_descriptors() {
    Kernel& kernel = *Kernel::current();
    if (kernel.lacks_descriptors) kernel.refused_at = kernel.now();
    return kernel.lacks_descriptors;
}

sockaddr_in address_of(std::uint16_t port, std::uint32_t host) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(host);
    return address;
}

int number_of(const void* value) {
    int number = 0;
    std::memcpy(&number, value, sizeof number);
    return number;
}

void set(Keepalive& keepalive, int level, int option, int value) {
    if (level == SOL_SOCKET && option == SO_KEEPALIVE) keepalive.is_on = value != 0;
    if (level != IPPROTO_TCP) return;
    if (option == TCP_KEEPIDLE) keepalive.idle = std::chrono::seconds(value);
    if (option == TCP_KEEPINTVL) keepalive.interval = std::chrono::seconds(value);
    if (option == TCP_KEEPCNT) keepalive.count = value;
}

// Of a listening socket.
int set_inherited(int fd, int level, int option, const void* value) {
    auto* const listener = Kernel::current()->file_as<Listener>(fd);
    if (listener != nullptr) set(listener->keepalive, level, option, number_of(value));
    return 0;
}

}  // namespace

extern "C" {

int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
    auto* const listener = called<Listener>(fd);
    if (listener == nullptr) {
        return static_cast<int>(machine(SYS_accept4, fd, address, size, flags));
    }
    if (listener->queue.empty()) return fail(EAGAIN);
    if (lacks_descriptors()) return fail(EMFILE);
    Link& link = *listener->queue.front();
    listener->queue.pop_front();
    link.keepalive = listener->keepalive;
    const sockaddr_in from = address_of(link.peer_port, link.peer_host);
    std::memcpy(address, &from, sizeof from);
    *size = sizeof from;
    const int opened = Kernel::current()->open(link);
    Kernel::current()->watcher->accepted(link);
    return opened;
}

int socket(int domain, int type, int protocol) noexcept {
    Kernel* const kernel = Kernel::current();
    if (kernel == nullptr) {
        return static_cast<int>(machine(SYS_socket, domain, type, protocol));
    }
    const TimePoint since = kernel->now();
    kernel->spend_call();
    if (lacks_descriptors()) return fail(EMFILE);
    Link& link = kernel->make<Link>();
    link.made_at = since;
    return kernel->open(link);
}

int connect(int fd, const sockaddr* address, socklen_t size) {
    auto* const link = called<Link>(fd);
    if (link == nullptr) return static_cast<int>(machine(SYS_connect, fd, address, size));
    sockaddr_in to{};
    std::memcpy(&to, address, sizeof to);
    Kernel::current()->watcher->dials(*link, ntohs(to.sin_port), link->made_at);
    if (link->state == Link::State::connecting) return fail(EINPROGRESS);
    return link->state == Link::State::open ? 0 : fail(link->take_error());
}

int getsockname(int fd, sockaddr* address, socklen_t* size) noexcept {
    if (called<Link>(fd) == nullptr) {
        return static_cast<int>(machine(SYS_getsockname, fd, address, size));
    }
    const sockaddr_in own = address_of(own_port, own_host);
    std::memcpy(address, &own, sizeof own);
    *size = sizeof own;
    return 0;
}

int getsockopt(int fd, int level, int option, void* value, socklen_t* size) noexcept {
    auto* const link = called<Link>(fd);
    if (link == nullptr) {
        return static_cast<int>(machine(SYS_getsockopt, fd, level, option, value, size));
    }
    if (level == SOL_SOCKET && option == SO_ERROR) {
        const int error = link->take_error();
        std::memcpy(value, &error, sizeof error);
        return 0;
    }
    if (level != IPPROTO_TCP || option != TCP_INFO) return fail(ENOPROTOOPT);
    const tcp_info info = link->info();
    std::memcpy(value, &info, sizeof info);
    return 0;
}

int setsockopt(int fd, int level, int option, const void* value, socklen_t size) noexcept {
    if (!is_simulated(fd)) {
        return static_cast<int>(machine(SYS_setsockopt, fd, level, option, value, size));
    }
    auto* const link = called<Link>(fd);
    if (link == nullptr) return set_inherited(fd, level, option, value);
    if (level == SOL_SOCKET && option == SO_LINGER) {
        linger set{};
        std::memcpy(&set, value, sizeof set);
        link->lingers_zero = set.l_onoff != 0 && set.l_linger == 0;
        return 0;
    }
    set(link->keepalive, level, option, number_of(value));
    link->keep_alive();
    return 0;
}

int ioctl(int fd, unsigned long request, ...) noexcept {
    std::va_list rest;
    va_start(rest, request);
    void* const argument = va_arg(rest, void*);
    va_end(rest);
    if (!is_simulated(fd)) return static_cast<int>(machine(SYS_ioctl, fd, request, argument));
    if (request == FIONBIO) return 0;
    auto* const link = called<Link>(fd);
    std::size_t answer = 0;
    if (request == SIOCINQ) answer = link->unread();
    if (request == SIOCOUTQ) answer = link->unacknowledged();
    if (request == SIOCOUTQNSD) answer = link->unsent();
    const int number = static_cast<int>(answer);
    std::memcpy(argument, &number, sizeof number);
    return 0;
}

ssize_t recv(int fd, void* room, std::size_t size, int flags) {
    auto* const link = called<Link>(fd);
    if (link == nullptr) return machine(SYS_recvfrom, fd, room, size, flags, nullptr, nullptr);
    return link->receive(static_cast<char*>(room), size, (flags & MSG_PEEK) != 0);
}

ssize_t send(int fd, const void* bytes, std::size_t size, int flags) {
    auto* const link = called<Link>(fd);
    if (link == nullptr) return machine(SYS_sendto, fd, bytes, size, flags, nullptr, 0);
    return link->send(static_cast<const char*>(bytes), size, (flags & MSG_MORE) != 0);
}

ssize_t splice(int in, off64_t* in_offset, int out, off64_t* out_offset, std::size_t size,
               unsigned flags) {
    if (!is_simulated(in)) {
        return machine(SYS_splice, in, in_offset, out, out_offset, size, flags);
    }
    if (auto* const from = called<Link>(in)) {
        return from->fill(*Kernel::current()->file_as<PipeEnd>(out)->pipe, size);
    }
    auto* const to = Kernel::current()->file_as<Link>(out);
    return to->drain(*Kernel::current()->file_as<PipeEnd>(in)->pipe, size);
}

int shutdown(int fd, int how) noexcept {
    auto* const link = called<Link>(fd);
    if (link == nullptr) return static_cast<int>(machine(SYS_shutdown, fd, how));
    return link->shut_down_writing();
}

int pipe2(int ends[2], int flags) noexcept {
    Kernel* const kernel = Kernel::current();
    if (kernel == nullptr) return static_cast<int>(machine(SYS_pipe2, ends, flags));
    kernel->spend_call();
    if (lacks_descriptors()) return fail(EMFILE);
    const auto pipe = std::make_shared<Pipe>();
    for (int i = 0; i < 2; ++i) {
        auto& end = kernel->make<PipeEnd>();
        end.pipe = pipe;
        ends[i] = kernel->open(end);
    }
    return 0;
}

// A pipe grows unless the user's limit is reached (pipe(7)).
int fcntl(int fd, int command, ...) {
    std::va_list rest;
    va_start(rest, command);
    const long argument = va_arg(rest, long);
    va_end(rest);
    auto* const end = called<PipeEnd>(fd);
    if (end == nullptr) return static_cast<int>(machine(SYS_fcntl, fd, command, argument));
    if (command != F_SETPIPE_SZ) return 0;
    if (Kernel::current()->random().one_in(4)) return fail(EPERM);
    end->pipe->slots = static_cast<std::size_t>(argument) / 4'096;
    return static_cast<int>(argument);
}

}  // extern "C"
