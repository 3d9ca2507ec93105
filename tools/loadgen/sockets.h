// Raw non-blocking TCP sockets and an epoll set, with as few system calls as possible: the load
// must be cheap compared with what it measures.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

#include "proxy/base/fd.h"
#include "tools/loadgen/address.h"
#include "tools/loadgen/clock.h"

namespace ringway::loadgen {

using proxy::Fd;

// Begins to connect, from `source` unless that is null. An empty Fd with the reason in errno if it
// failed at once. On loopback the connection is usually established when this returns.
Fd dial(const Address& to, const Address* source);

// Listens; with `shared` other sockets may listen on the same address.
// Throws std::system_error naming the address.
Fd listen_on(const Address& address, bool shared);

// The address that a socket is bound to.
Address local_address(const Fd& socket);

void send_at_once(const Fd& socket);  // TCP_NODELAY

// The socket's pending error (SO_ERROR), 0 for none; reading it clears it.
int take_error(const Fd& socket);

// A level-triggered epoll set. One thread.
class Events {
public:
    Events();

    // `what` is returned in epoll_event::data.ptr. False, with errno, if the kernel refuses.
    bool add(const Fd& socket, void* what, std::uint32_t events);
    void change(const Fd& socket, void* what, std::uint32_t events);

    // What is ready, after `wait` at the most. Valid until the next call.
    std::span<const epoll_event> wait(Duration wait);

private:
    Fd set_;
    std::array<epoll_event, 512> ready_;
};

}  // namespace ringway::loadgen
