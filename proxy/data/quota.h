// At most so many connections at once, counted over all workers. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <utility>

namespace ringway::proxy {

class Quota {
public:
    static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

    // One connection's place, given back when it is destroyed. Must not outlive
    // its Quota.
    class Ticket {
    public:
        Ticket() = default;
        explicit Ticket(Quota& quota) : quota_(&quota) {}
        Ticket(Ticket&& other) noexcept : quota_(std::exchange(other.quota_, nullptr)) {}
        Ticket& operator=(Ticket&&) = delete;
        ~Ticket() {
            if (quota_) quota_->live_.fetch_sub(1, std::memory_order_relaxed);
        }
        explicit operator bool() const { return quota_ != nullptr; }

    private:
        Quota* quota_ = nullptr;
    };

    explicit Quota(std::uint64_t limit = unlimited) : limit_(limit) {}

    // A new limit counts from the next connection on; those that live stay.
    void set_limit(std::uint64_t limit) { limit_.store(limit, std::memory_order_relaxed); }
    std::uint64_t live() const { return live_.load(std::memory_order_relaxed); }
    std::uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }

    // An empty ticket when the limit is reached.
    Ticket take() {
        if (live_.fetch_add(1, std::memory_order_relaxed) < limit()) return Ticket(*this);
        live_.fetch_sub(1, std::memory_order_relaxed);
        return {};
    }

private:
    std::atomic<std::uint64_t> live_{0};
    std::atomic<std::uint64_t> limit_;
};

}  // namespace ringway::proxy
