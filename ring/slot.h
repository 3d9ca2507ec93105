// Counts live connections: each Slot is one connection of its server. Any thread may claim and
// release; one Slot belongs to one thread at a time.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace ringway::ring {

class Ledger;

// The live connections of one server. Successive snapshots of a server share it,
// so that a count outlives changes of weight, status and neighbours.
class alignas(64) Load {
public:
    explicit Load(std::shared_ptr<Ledger> ledger) : ledger_(std::move(ledger)) {}

    std::uint32_t live() const { return live_.load(std::memory_order_relaxed); }

private:
    friend class Slot;
    friend class Claim;

    // Constant after construction.
    const std::shared_ptr<Ledger> ledger_;
    // Any thread.
    std::atomic<std::uint32_t> live_{0};
};

// The live connections of one set of servers: in all, and of each. A Balancer has one of its own
// unless it is given another's: Balancers that follow one another for the same servers share a
// ledger, so that limits and bounds include every live connection. Any thread.
class Ledger : public std::enable_shared_from_this<Ledger> {
public:
    // Parts of the total, each on a cache line of its own. A thread counts in one of them.
    static constexpr std::size_t parts = 8;

    // The count of server `id`: the one that a member or a slot still holds, or a new one.
    std::shared_ptr<Load> load(const std::string& id);

    // Server `from` is called `to` from now on: its connections count for that one.
    void rename(const std::string& from, const std::string& to);

    // Connections of all servers, and those in search of one. A thread adds to the total before it
    // raises a server's count, so a thread that sees the count also sees it in the total.
    std::uint64_t live() const;

private:
    friend class Slot;
    friend class Claim;

    struct alignas(64) Part {
        std::atomic<std::uint64_t> live{0};
    };
    static std::uint8_t part_of_this_thread();

    std::array<Part, parts> parts_;

    std::mutex mutex_;
    // Guarded by mutex_. Unused counts are dropped now and then.
    std::map<std::string, std::weak_ptr<Load>, std::less<>> loads_;
    std::size_t sweep_at_ = 64;  // entries
};

// One connection's claim on a server, given back when it is destroyed. Keeps the
// server's count and context alive, but no snapshot.
class Slot {
public:
    Slot() = default;
    ~Slot() { release(); }
    Slot(Slot&& other) noexcept = default;
    Slot& operator=(Slot&& other) noexcept {
        if (this == &other) return *this;
        release();
        load_ = std::move(other.load_);
        context_ = std::move(other.context_);
        part_ = other.part_;
        return *this;
    }

    explicit operator bool() const { return load_ != nullptr; }

    // Of a slot that is not empty.
    std::uint32_t live() const { return load_->live(); }
    const std::shared_ptr<void>& context() const { return context_; }

    // Gives the claim back early; the slot is empty then.
    void release() {
        if (load_ == nullptr) return;
        // In this order the total is never less than the sum of what it counts.
        load_->live_.fetch_sub(1, std::memory_order_release);
        load_->ledger_->parts_[part_].live.fetch_sub(1, std::memory_order_release);
        load_.reset();
        context_.reset();
    }

private:
    friend class Claim;
    Slot(std::shared_ptr<Load> load, std::shared_ptr<void> context, std::uint8_t part)
        : load_(std::move(load)), context_(std::move(context)), part_(part) {}

    std::shared_ptr<Load> load_;
    std::shared_ptr<void> context_;
    std::uint8_t part_ = 0;  // of the ledger's total, that counts it
};

}  // namespace ringway::ring
