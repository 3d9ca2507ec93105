// The limited slots of a server's clients. If a new client needs one and none is free, the one
// that loses least by it is closed. So clients that hold connections open cannot keep others out.
// Control thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>

#include "proxy/base/clock.h"

namespace ringway::proxy {

// What a client's connection is doing, in the order in which connections are closed for others,
// within a phase the longest in it first. A lingering client has its last answer. HTTP clients
// ask again by themselves where a connection that was answered before is closed (RFC 9112, 9.3.1);
// one closed before the first answer is a failure to its user.
enum class ClientPhase : std::uint8_t { lingering, idle, asking, answering };

class ClientSlots {
public:
    // The slot of one client, for its lifetime. `close` ends whatever the client waits for, and so
    // the client, in a later turn of the loop.
    class ClientSlot {
    public:
        ClientSlot(std::shared_ptr<ClientSlots> all, std::function<void()> close);
        ~ClientSlot();
        ClientSlot(const ClientSlot&) = delete;
        ClientSlot& operator=(const ClientSlot&) = delete;

        // It is `asking` at first.
        void enter(ClientPhase phase);

    private:
        friend class ClientSlots;

        bool may_be_closed(std::chrono::milliseconds grace) const;
        bool closes_before(const ClientSlot& other) const;

        const std::shared_ptr<ClientSlots> all_;
        const std::function<void()> close_;
        TimePoint since_ = Clock::now();
        ClientPhase phase_ = ClientPhase::asking;
        bool leaving_ = false;
    };

    // Those that are being closed no longer count.
    std::size_t taken() const;

    // Closes one client, which is not one that is being answered for less than `grace`. False if
    // there is none.
    bool free_one(std::chrono::milliseconds grace);

private:
    std::set<ClientSlot*> all_;
};

}  // namespace ringway::proxy
