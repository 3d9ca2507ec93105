// A worker's epoll set (epoll(7)). A socket is added once, edge-triggered, and never touched again.
// One thread.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <boost/intrusive/list.hpp>

#include "proxy/base/clock.h"
#include "proxy/base/fd.h"
#include "proxy/net/batch.h"

namespace ringway::proxy {

// Receives the events of a descriptor. It must outlive the round in which it was removed: an event
// for it may still be pending (see Loop's after_round).
class PollHandler : public boost::intrusive::list_base_hook<
                        boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
    // `events` as in epoll_ctl(2); 0 after call_again() and takes_turn(), and after the batch has
    // carried out a write of this handler's slot.
    virtual void on_ready(std::uint32_t events) = 0;
    // Where there is a batch, comes before on_ready(): begins the read that this would make.
    virtual void begin_read(std::uint32_t /*events*/, Batch& /*batch*/) {}

protected:
    virtual ~PollHandler() = default;
};

// Ends waits at a moment: a timerfd(2) in a set. A time-out of the wait itself would be set up and
// taken down by each call.
class Alarm final : public PollHandler {
public:
    // Throws std::system_error if there is no descriptor.
    Alarm();

    // It rings at `due`, if not before that. One system call where `due` is the earliest yet.
    void set(TimePoint due);
    // Whether it rang since the last call.
    bool take_rang();

    int descriptor() const { return fd_.get(); }
    void on_ready(std::uint32_t events) override;

private:
    Fd fd_;
    TimePoint due_ = TimePoint::max();
    bool rang_ = false;
};

class Poller {
public:
    // Without a batch, every read and write is a call of its own.
    // Throws std::system_error if there is no descriptor or memory for it.
    explicit Poller(std::unique_ptr<Batch> batch = nullptr);
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    // Adds `fd`; false if the kernel refuses (no memory, too many watches).
    // Closing the descriptor removes it.
    bool add(int fd, PollHandler& handler, std::uint32_t events);
    // Changes what a descriptor is watched for, 0 pauses it; false if it is not in.
    bool modify(int fd, PollHandler& handler, std::uint32_t events);

    // Closes a socket: with the others of this round, where there is a batch.
    void close(Fd socket);

    // Calls handler.on_ready(0) in the next round: for a stream that used up its
    // turn while its socket still had bytes, so that others get theirs.
    void call_again(PollHandler& handler);

    // How much of a round lengthy work may take: one TLS handshake with ECDSA keys. What begins
    // before the time is over goes on to its end.
    static constexpr std::chrono::microseconds longest_turns{100};
    // Whether `handler` may do one piece of such work now. If not, on_ready(0) comes when it may:
    // who has waited longest first, after all events of a round.
    bool takes_turn(PollHandler& handler);

    // One round: waits for events until `limit` at most, not at all if a handler is to be called
    // again, and calls the handlers. How many calls it made. Never inlined: a frame for profilers.
    [[gnu::noinline]] int run_round(TimePoint limit);

    // What the reads and writes of handlers of one set go through; nullptr if there is none.
    Batch* batch() { return batch_.get(); }
    const Batch* batch() const { return batch_.get(); }

    // The number of the present round, or the last one.
    std::uint64_t round() const { return round_; }
    // When the present round began, or the last one. Good enough to note that bytes were
    // moved, and cheaper than a look at the clock for each.
    TimePoint round_began() const { return round_began_; }

private:
    using PollHandlers =
        boost::intrusive::list<PollHandler, boost::intrusive::constant_time_size<false>>;

    void handle(std::span<const epoll_event> events);
    static void handle_together(std::span<const epoll_event> events, Batch& batch);
    int give_turns();
    int wait(std::span<epoll_event> room, TimePoint limit);

    const std::unique_ptr<Batch> batch_;
    Fd set_;
    Alarm alarm_;
    PollHandlers again_;
    PollHandlers waiting_;            // for their turns
    PollHandler* turn_of_ = nullptr;  // during a call
    std::uint64_t round_ = 0;
    TimePoint round_began_ = Clock::now();
};

}  // namespace ringway::proxy
