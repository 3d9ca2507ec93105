// The settings by which a listener's new connections are handled, and those by which a pool's
// servers are reached. Immutable but for counts and readers: a reload makes new ones, and
// connections in progress keep theirs. Any thread, but for a reader its worker's alone.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "conf/config.h"
#include "proxy/data/quota.h"
#include "proxy/data/server.h"
#include "proxy/keys/route_table.h"
#include "proxy/tls/client.h"
#include "proxy/tls/server.h"
#include "ring/balancer.h"

namespace ringway::proxy {

// One worker's view of a ring.
struct alignas(64) RingReader {
    ring::Reader reader;
};

// The rings that a pool's connections are placed by.
class PoolRing {
public:
    PoolRing(std::shared_ptr<const ring::Balancer> balancer, std::size_t workers)
        : balancer_(std::move(balancer)), readers_(workers, {ring::Reader(*balancer_)}) {}

    // The newest; on the worker's thread.
    std::shared_ptr<const ring::Snapshot> share(std::size_t worker) {
        return readers_[worker].reader.share();
    }
    const std::shared_ptr<const ring::Balancer>& balancer() const { return balancer_; }

private:
    std::shared_ptr<const ring::Balancer> balancer_;
    PerWorker<RingReader> readers_;
};

// A pool, as connections reach it.
struct Backend {
    std::string pool;
    conf::ConnectSettings connect;
    conf::SendProxy send_proxy;
    std::shared_ptr<const TlsClient> tls;  // nullptr: servers get bytes in clear
    std::shared_ptr<PoolRing> ring;
    std::shared_ptr<PerWorker<PoolCounts>> counts;
    std::shared_ptr<const Backend> fallback;  // nullptr for none; chains end

    bool sends_header() const { return send_proxy.version != conf::SendProxy::Version::none; }
};

// A listener, as connections come in.
struct Intake {
    std::string listener;
    RouteTable routes;
    std::vector<std::shared_ptr<const Backend>> backends;  // of each route
    std::optional<conf::ProxyProtocol> proxy_protocol;     // the header that clients must send
    std::shared_ptr<const TlsServer> tls;  // what TLS is ended with; nullptr to pass it through
    bool allows_truncation = false;        // of TLS streams
    conf::Duration defer_accept{0};
    conf::ListenerTimeouts timeouts;
    std::shared_ptr<PerWorker<ListenerCounts>> counts;
    std::shared_ptr<Quota> quota;    // the listener's max_connections
    bool needs_destination = false;  // whether connections must know the address they came to
    bool log_access = true;
};

}  // namespace ringway::proxy
