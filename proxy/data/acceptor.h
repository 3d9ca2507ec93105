// One worker's listening socket of one listener: accepts in batches, and pauses at a
// limit or without descriptors. Worker thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "conf/config.h"
#include "proxy/base/fd.h"
#include "proxy/data/intake.h"
#include "proxy/data/quota.h"
#include "proxy/net/poller.h"
#include "proxy/net/stream.h"
#include "proxy/net/timers.h"

namespace ringway::proxy {

// A connection's tickets of the quotas that it counts against.
struct Admission {
    Quota::Ticket listener;
    Quota::Ticket total;
};

// Sets options of a listening socket that accepted ones inherit. A connection keeps the options
// of the moment at which it was made, so this comes before listen(2).
void set_inherited_options(int socket, const conf::ListenerTimeouts& timeouts,
                           conf::Duration defer_accept);

class Acceptor final : private PollHandler, private Timer {
public:
    // Resets `stream` before it throws std::bad_alloc.
    using OnAccept =
        std::function<void(Stream stream, const conf::Endpoint& client,
                           const std::shared_ptr<const Intake>& intake, Admission admission)>;

    // `socket` has the options of `intake`. `total` limits the connections of all listeners and
    // outlives this.
    Acceptor(Fd socket, std::shared_ptr<const Intake> intake, Poller& poller, Timers& timers,
             Quota& total, OnAccept on_accept);

    void take_up(std::shared_ptr<const Intake> intake);

    // Accepts what is in the queue now, so that closing the socket resets no connection
    // that was established.
    void accept_queue();

private:
    enum class Taken { one, none_waiting, no_resources, at_limit };

    Taken accept_one(bool beyond_limits);
    void on_ready(std::uint32_t events) override;
    void on_deadline() override;
    void pause(Clock::duration length, const char* reason);

    Fd socket_;
    std::shared_ptr<const Intake> intake_;
    Poller& poller_;
    Timers& timers_;
    Quota& total_;
    const OnAccept on_accept_;
    int turn_ = 1;                // connections taken at most when the socket asks
    std::uint64_t asked_in_ = 0;  // the round in which it asked last
    TimePoint last_complaint_{};
};

}  // namespace ringway::proxy
