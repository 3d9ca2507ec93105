// What the proxy keeps of a server beside its place on the ring.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "conf/config.h"
#include "health/local_fault.h"
#include "proxy/base/counter.h"
#include "proxy/base/histogram.h"
#include "proxy/data/close_reason.h"
#include "proxy/data/failure_reports.h"
#include "proxy/tls/client.h"
#include "ring/slot.h"

namespace ringway::proxy {

// One worker's counts of one server, on cache lines of their own.
struct alignas(64) ServerCounts {
    Counter active;            // connections that hold a slot now
    Counter total;             // connections that were given to the server
    Counter bytes_up;          // client to server
    Counter bytes_down;        // server to client
    Counter connect_failures;  // dials that did not succeed; of them:
    Counter refused;           // by the server's machine
    Counter timed_out;         // without an answer
    Counter unreachable;       // no route
    Counter tls_failed;        // by TLS, after the connect
    Counter failed_otherwise;
    Counter local_failures;  // dials that failed on this machine, which are none of the above
};

// One worker's counts of one listener.
struct alignas(64) ListenerCounts {
    Counter accepted;
    Counter active;
    Counter refused;              // ended before a server had been found
    Counter placed_by_source_ip;  // their bytes had no key: on_missing
    Counter placed_at_random;     // the same
    Counter tls_handshakes;       // completed, resumed ones among them
    Counter tls_resumed;
    std::array<Counter, close_reason_count> ends;  // by CloseReason

    Counter& ended(CloseReason end) { return ends[static_cast<std::size_t>(end)]; }
};

// One worker's counts of one pool.
struct alignas(64) PoolCounts {
    Counter picks;           // connections that were given to a server
    Counter spills_full;     // not to the owner, which was full
    Counter spills_failed;   // not to the owner, whose dial failed
    Counter fallbacks_down;  // to the fallback, because no server was online
    Counter fallbacks_full;  // to the fallback, because all that were online were full
    Counter failed_dials;    // that left this machine
    // Dials that failed on this machine, by health::LocalFault.
    std::array<Counter, health::local_fault_count> local_failures;
    Counter tls_handshakes;  // with servers, completed; resumed ones among them
    Counter tls_resumed;
    Histogram<connect_bounds_us> connect_times;  // of dials that succeeded
    Histogram<session_bounds_us> sessions;       // from accept to the end, if it had a server
};

// The context of a ring member: immutable but for its counts, which outlive a
// change of address, and its sessions, which do not. Any thread.
struct Server {
    std::string id;
    conf::Endpoint address;
    std::shared_ptr<PerWorker<ServerCounts>> counts;
    std::shared_ptr<FailureReports> failure_reports;  // nullptr without passive checks
    // To be resumed by connections of the same worker; nullptr where none is kept.
    std::shared_ptr<PerWorker<KeptTlsSession>> tls_sessions;
    std::string host{};  // whose address it is; empty for one that was given
};

// A connection's claim on its server: counts against the server's limits on the
// ring, and in its counts here, for as long as it lives. Worker thread.
class ServerSlot {
public:
    ServerSlot() = default;
    // `claim` is not empty; its context is a Server.
    ServerSlot(ring::Slot claim, std::size_t worker)
        : claim_(std::move(claim)), counts_(&(*server().counts)[worker]) {
        counts_->active.add(1);
    }
    ServerSlot(ServerSlot&& other) noexcept
        : claim_(std::move(other.claim_)), counts_(std::exchange(other.counts_, nullptr)) {}
    ServerSlot& operator=(ServerSlot&& other) noexcept {
        if (this != &other) {
            release();
            claim_ = std::move(other.claim_);
            counts_ = std::exchange(other.counts_, nullptr);
        }
        return *this;
    }
    ServerSlot(const ServerSlot&) = delete;
    ServerSlot& operator=(const ServerSlot&) = delete;
    ~ServerSlot() { release(); }

    void release() {
        if (counts_) std::exchange(counts_, nullptr)->active.subtract(1);
        claim_.release();
    }
    explicit operator bool() const { return counts_ != nullptr; }
    const Server& server() const { return *static_cast<const Server*>(claim_.context().get()); }
    ServerCounts& counts() { return *counts_; }

private:
    ring::Slot claim_;
    ServerCounts* counts_ = nullptr;
};

}  // namespace ringway::proxy
