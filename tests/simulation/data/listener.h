// A simulated listening socket: connections are made by the kernel and wait for accept4(2).
#pragma once

#include <cstdint>
#include <deque>

#include "tests/simulation/data/link.h"

namespace ringway::simulation::data {

class Listener final : public File {
public:
    std::uint32_t ready() const override { return queue.empty() ? 0 : std::uint32_t{EPOLLIN}; }
    // A socket that is closed resets what waits in its queue (net/ipv4/inet_connection_sock.c).
    void closed() override {
        for (Link* const link : queue) {
            link->lingers_zero = true;
            link->closed();
        }
        queue.clear();
    }

    std::deque<Link*> queue;
    Keepalive keepalive;  // which accepted sockets inherit
};

}  // namespace ringway::simulation::data
