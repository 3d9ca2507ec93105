// The thread-safe face of the ring: membership in, owners out.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ring/points.h"
#include "ring/snapshot.h"
#include "ring/types.h"

namespace ringway::ring {

// Every member function may be called from any thread. Changes are serialised
// by a mutex and publish a new Snapshot; a refused change throws Error and
// changes nothing. For millions of lookups a second use one Reader per thread.
class Balancer {
public:
    // `ledger` counts the connections; pass an earlier Balancer's to keep its counts, or nullptr
    // for a new one.
    explicit Balancer(const Settings& settings, std::shared_ptr<Ledger> ledger = nullptr);

    void register_server(ServerSpec server);
    void unregister_server(std::string_view id);
    void set_status(std::string_view id, Status status);

    // All changes in order as one, or none: one snapshot is published. Changes
    // that leave every server as it was publish nothing.
    void apply(std::span<const Change> changes);

    // The id of the server that owns `key`; nothing where no server is online.
    std::optional<std::string> server_for_key(std::string_view key) const;

    // Nothing where no such server is registered.
    std::optional<Status> server_status(std::string_view id) const;

    // The state published last.
    std::shared_ptr<const Snapshot> snapshot() const;

private:
    friend class Reader;
    void publish(std::shared_ptr<const Snapshot> next);

    // Held while a change is worked out; publish_mutex_ only while pointers are
    // exchanged, so that no reader waits for a change.
    std::mutex change_mutex_;
    // Guarded by change_mutex_. The points of servers that went offline, so that
    // they need not be computed again.
    PositionsById parked_;

    mutable std::mutex publish_mutex_;
    // Guarded by publish_mutex_.
    std::shared_ptr<const Snapshot> current_;
    // Generation of current_. Read by every Reader, so on its own cache line.
    alignas(64) std::atomic<std::uint64_t> generation_{1};
};

// The state that `changes` would make of `base`, for analysis only: nothing is published, and no
// connection may be placed by it. Throws Error where Balancer::apply would.
std::shared_ptr<const Snapshot> preview(const std::shared_ptr<const Snapshot>& base,
                                        std::span<const Change> changes);

// One thread's view of a Balancer, which must outlive it. While nothing changes,
// current() reads one atomic and takes no lock; after a change it takes the
// mutex that guards the Balancer's pointer once, never for long.
class Reader {
public:
    explicit Reader(const Balancer& balancer);

    // The newest snapshot; valid until the next call on this Reader.
    const Snapshot& current() {
        if (balancer_->generation_.load(std::memory_order_acquire) != generation_) [[unlikely]]
            refresh();
        return *snapshot_;
    }

    // current().pick(hash): valid, but for its slot, until the next call on this Reader.
    Pick pick(std::uint64_t hash) { return current().pick(hash); }

    // The newest snapshot, kept alive by the caller's pointer.
    std::shared_ptr<const Snapshot> share() {
        current();
        return snapshot_;
    }

private:
    void refresh();

    const Balancer* balancer_;
    std::shared_ptr<const Snapshot> snapshot_;
    std::uint64_t generation_ = 0;
};

}  // namespace ringway::ring
