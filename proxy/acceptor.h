// One worker's listening socket of one listener. Worker thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "conf/config.h"
#include "proxy/fd.h"
#include "proxy/poller.h"
#include "proxy/route.h"
#include "proxy/timers.h"
#include "ring/balancer.h"

namespace ringway::proxy {

class Acceptor final : private Watch, private Timer {
public:
    using OnAccept = std::function<void(Fd socket, const conf::Endpoint& client,
                                        const std::shared_ptr<const Route>& route,
                                        std::shared_ptr<const ring::Snapshot> snapshot)>;

    Acceptor(Fd socket, std::shared_ptr<const Route> route, Poller& poller, Timers& timers,
             OnAccept on_accept);

    void reroute(std::shared_ptr<const Route> route);

    // Accepts what is in the queue now, so that closing the socket resets nobody
    // who had been let in.
    void accept_queue();

private:
    enum class Taken { one, none_waiting, no_resources };

    Taken accept_one();
    void on_ready(std::uint32_t events) override;
    void on_deadline() override;
    void pause(int error);

    Fd socket_;
    std::shared_ptr<const Route> route_;
    ring::Reader reader_;
    Poller& poller_;
    Timers& timers_;
    const OnAccept on_accept_;
    TimePoint last_complaint_{};
};

}  // namespace ringway::proxy
