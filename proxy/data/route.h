// The settings by which a listener's new connections are handled. Immutable: a reload
// makes a new one, and connections in progress keep theirs. Any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "conf/config.h"
#include "proxy/data/quota.h"
#include "proxy/data/server.h"
#include "proxy/keys/recipe.h"
#include "proxy/tls/client.h"
#include "proxy/tls/server.h"
#include "ring/balancer.h"

namespace ringway::proxy {

struct Route {
    std::string listener;
    KeyRecipe key;
    std::optional<conf::ProxyProtocol> proxy_protocol;  // the header that clients must send
    std::shared_ptr<const TlsServer> tls;  // what TLS is ended with; nullptr to pass it through
    bool allows_truncation = false;        // of TLS streams
    conf::Duration defer_accept{0};
    conf::ListenerTimeouts timeouts;
    conf::ConnectSettings connect;
    conf::SendProxy send_proxy;
    std::shared_ptr<const TlsClient> server_tls;  // nullptr: servers get bytes in clear
    std::string pool;
    std::shared_ptr<const ring::Balancer> balancer;
    std::shared_ptr<PerWorker<ListenerCounts>> counts;
    std::shared_ptr<PerWorker<PoolCounts>> pool_counts;
    std::shared_ptr<Quota> quota;  // the listener's max_connections
    bool log_access = true;
};

}  // namespace ringway::proxy
