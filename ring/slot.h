// Counting live connections: who holds a Slot is one of its server's connections.
// Any thread may claim and release; one Slot belongs to one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace ringway::ring {

// The live connections of all servers of one Balancer, kept only where
// balance_factor needs it. On a cache line of its own: every claim writes it.
struct alignas(64) Total {
    std::atomic<std::uint64_t> live{0};
};

// The live connections of one server. Successive snapshots of a server share it,
// so that a count outlives changes of weight, status and neighbours.
class alignas(64) Load {
public:
    Load(std::string id, std::shared_ptr<Total> total)
        : id_(std::move(id)), total_(std::move(total)) {}

    const std::string& id() const { return id_; }
    std::uint32_t live() const { return live_.load(std::memory_order_relaxed); }

private:
    friend class Slot;
    friend class Claim;

    // Constant after construction.
    const std::string id_;
    const std::shared_ptr<Total> total_;  // nullptr without balance_factor
    // Any thread.
    std::atomic<std::uint32_t> live_{0};
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
        return *this;
    }

    explicit operator bool() const { return load_ != nullptr; }

    // Of a slot that is not empty.
    const std::string& id() const { return load_->id(); }
    std::uint32_t live() const { return load_->live(); }
    const std::shared_ptr<void>& context() const { return context_; }

    // Gives the claim back early; the slot is empty then.
    void release() {
        if (load_ == nullptr) return;
        // In this order the total is never less than the sum of what it counts.
        load_->live_.fetch_sub(1, std::memory_order_release);
        if (load_->total_) load_->total_->live.fetch_sub(1, std::memory_order_release);
        load_.reset();
        context_.reset();
    }

private:
    friend class Claim;
    Slot(std::shared_ptr<Load> load, std::shared_ptr<void> context)
        : load_(std::move(load)), context_(std::move(context)) {}

    std::shared_ptr<Load> load_;
    std::shared_ptr<void> context_;
};

}  // namespace ringway::ring
