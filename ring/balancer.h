// The thread-safe face of the ring: membership in, owners out.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ring/snapshot.h"
#include "ring/types.h"

namespace ringway::ring {

// Every member function may be called from any thread. Changes are serialised
// by a mutex and publish a new Snapshot; a refused change throws Error and
// changes nothing. For millions of lookups a second use one Reader per thread.
class Balancer {
public:
    explicit Balancer(Settings settings);

    void register_server(ServerSpec server);
    void unregister_server(std::string_view id);
    void set_status(std::string_view id, Status status);

    // All changes in order as one, or none: one snapshot is published.
    void apply(std::span<const Change> changes);

    // The id of the server that owns `key`; nothing where no server is online.
    std::optional<std::string> server_for_key(std::string_view key) const;

    // Nothing where no such server is registered.
    std::optional<Status> server_status(std::string_view id) const;

    // The state published last.
    std::shared_ptr<const Snapshot> snapshot() const;
};

// One thread's view of a Balancer, which must outlive it. While nothing changes,
// current() reads one atomic and takes no lock; after a change it takes the
// Balancer's mutex once.
class Reader {
public:
    explicit Reader(const Balancer& balancer);

    // The newest snapshot; valid until the next call on this Reader.
    const Snapshot& current();

    // The same, kept alive for as long as the caller wants.
    std::shared_ptr<const Snapshot> share();
};

}  // namespace ringway::ring
