// The limited slots of a server's clients. If a new client needs one and none is free, an idle
// client is closed first, the longest idle before others, then a client that has not read its
// answer for a while. So clients that hold connections open cannot keep others out. Control thread
// only.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <set>

#include "proxy/base/clock.h"

namespace ringway::proxy {

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

        // From now on its client is being answered, or is idle.
        void set_answering(bool answering);

    private:
        friend class ClientSlots;

        bool may_be_closed(std::chrono::milliseconds grace) const;
        bool closes_before(const ClientSlot& other) const;

        const std::shared_ptr<ClientSlots> all_;
        const std::function<void()> close_;
        TimePoint since_ = Clock::now();
        bool answering_ = false;
        bool leaving_ = false;
    };

    std::size_t taken() const { return all_.size(); }

    // Closes the client that is idle longest, else one that is being answered for longer than
    // `grace`. False if there is none.
    bool free_one(std::chrono::milliseconds grace);

private:
    std::set<ClientSlot*> all_;
};

}  // namespace ringway::proxy
