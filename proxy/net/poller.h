// A worker's epoll set (epoll(7)). A socket is added once, edge-triggered, and never touched again.
// One thread.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>

#include <boost/intrusive/list.hpp>

#include "proxy/base/clock.h"
#include "proxy/base/fd.h"

namespace ringway::proxy {

// Receives the events of a descriptor. It must outlive the round in which it was removed: an event
// for it may still be pending (see Loop's after_round).
class PollHandler : public boost::intrusive::list_base_hook<
                        boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
    // `events` as in epoll_ctl(2); 0 after call_again().
    virtual void on_ready(std::uint32_t events) = 0;

protected:
    virtual ~PollHandler() = default;
};

class Poller {
public:
    // Throws std::system_error if there is no descriptor or memory for it.
    Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    // Adds `fd`; false if the kernel refuses (no memory, too many watches).
    // Closing the descriptor removes it.
    bool add(int fd, PollHandler& handler, std::uint32_t events);
    // Changes what a descriptor is watched for, 0 pauses it; false if it is not in.
    bool modify(int fd, PollHandler& handler, std::uint32_t events);

    // Calls handler.on_ready(0) in the next round: for a stream that used up its
    // turn while its socket still had bytes, so that others get theirs.
    void call_again(PollHandler& handler);

    // One round: waits for events until `limit`, not at all if a handler is to be called again, and
    // calls the handlers. How many calls it made. Never inlined: a frame for profilers.
    [[gnu::noinline]] int run_round(TimePoint limit);

    // When the present round began, or the last one. Good enough to note that bytes were
    // moved, and cheaper than a look at the clock for each.
    TimePoint round_began() const { return round_began_; }

private:
    using PollHandlers =
        boost::intrusive::list<PollHandler, boost::intrusive::constant_time_size<false>>;

    int wait(std::span<epoll_event> room, TimePoint limit);

    Fd set_;
    PollHandlers again_;
    TimePoint round_began_ = Clock::now();
    bool has_nanoseconds_ = true;  // of epoll_pwait2(2), until the kernel says otherwise
};

}  // namespace ringway::proxy
