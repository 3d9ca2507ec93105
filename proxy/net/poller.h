// A worker's own epoll set (epoll(7)), watched by its Asio loop as a single
// descriptor. Asio would issue an epoll_ctl for every wait on every socket; here
// a socket is added once, edge-triggered, and never touched again. One thread.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/intrusive/list.hpp>

#include "proxy/base/clock.h"
#include "proxy/base/handler_memory.h"

namespace ringway::proxy {

// Receives the events of a descriptor. It must outlive the round in which it was removed: an event
// for it may still be pending (see Poller's after_round).
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
    // `after_round` runs after each batch of events: the place to free what was
    // closed during the batch.
    Poller(boost::asio::io_context& io, std::function<void()> after_round);
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    // Starts to deliver events, until stop().
    void start();
    void stop();

    // Adds `fd`; false if the kernel refuses (no memory, too many watches).
    // Closing the descriptor removes it.
    bool add(int fd, PollHandler& handler, std::uint32_t events);
    // Changes what a descriptor is watched for, 0 pauses it; false if it is not in.
    bool modify(int fd, PollHandler& handler, std::uint32_t events);

    // Calls handler.on_ready(0) in the next round: for a stream that used up its
    // turn while its socket still had bytes, so that others get theirs.
    void call_again(PollHandler& handler);

    // When the present round began, or the last one. Good enough to note that bytes were
    // moved, and cheaper than a look at the clock for each.
    TimePoint round_began() const { return round_began_; }

private:
    using PollHandlers =
        boost::intrusive::list<PollHandler, boost::intrusive::constant_time_size<false>>;

    void wait();
    void drain();
    int run_round();

    boost::asio::io_context& io_;
    const std::function<void()> after_round_;
    HandlerMemory& memory_;
    boost::asio::posix::stream_descriptor set_;
    PollHandlers again_;
    TimePoint round_began_ = Clock::now();
};

}  // namespace ringway::proxy
