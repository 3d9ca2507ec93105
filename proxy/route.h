// Everything that a connection of one listener is treated by. Immutable: a reload
// makes a new one, and connections in progress keep theirs. Any thread.
#pragma once

#include <memory>
#include <string>

#include "conf/config.h"
#include "proxy/quota.h"
#include "proxy/server.h"
#include "ring/balancer.h"

namespace ringway::proxy {

struct Route {
    std::string listener;
    conf::KeySettings key;
    conf::ListenerTimeouts timeouts;
    conf::ConnectSettings connect;
    std::string pool;
    std::shared_ptr<const ring::Balancer> balancer;
    std::shared_ptr<PerWorker<ListenerCounts>> counts;
    std::shared_ptr<Quota> quota;  // the listener's max_connections
    bool log_access = true;
};

}  // namespace ringway::proxy
