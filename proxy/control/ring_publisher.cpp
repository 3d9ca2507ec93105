#include "proxy/control/ring_publisher.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <utility>

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

#include "proxy/base/access_log.h"

namespace ringway::proxy {

namespace {

// What could be refused has been looked at before; a ring that cannot be made all the same,
// for want of memory, leaves the one that serves.
void build(const std::string& pool, ring::Balancer& balancer,
           const std::vector<ring::Change>& changes) {
    try {
        balancer.apply(changes);
    } catch (const std::exception& error) {
        spdlog::error("pool {}: its ring stays as it was: {}", pool, error.what());
    }
}

}  // namespace

bool PublishedRing::is_online(std::string_view id) const {
    const auto serving = snapshot();
    const ring::Member* const member = serving->find(id);
    return member != nullptr && member->status == ring::Status::online;
}

RingPublisher::RingPublisher(boost::asio::io_context& io, Background& builder, Changes changes,
                             Effects effects)
    : io_(io), builder_(builder), changes_(std::move(changes)), effects_(std::move(effects)) {}

PublishedRing& RingPublisher::set(const std::string& pool, const ring::Settings& settings,
                                  const std::shared_ptr<ring::Ledger>& ledger) {
    PublishedRing& ring = rings_[pool];
    if (!ring.next_ || ring.base()->settings() != settings) {
        ring.next_ = std::make_shared<ring::Balancer>(settings, ledger);
    }
    if (!ring.balancer_) ring.balancer_ = ring.next_;
    return ring;
}

void RingPublisher::remove(const std::string& pool) {
    const auto found = rings_.find(pool);
    for (const Eviction& each : found->second.evictions_in_job_) effects_.evict(each);
    for (const Eviction& each : found->second.evictions_) effects_.evict(each);
    resume_waiting(found->second, std::numeric_limits<std::uint64_t>::max());
    rings_.erase(found);
}

void RingPublisher::publish_soon(const std::string& pool) {
    const auto found = rings_.find(pool);
    if (found == rings_.end()) return;
    found->second.wanted_ = ++last_wanted_;  // who asks from now on waits for it
    if (dirty_.empty()) {
        boost::asio::post(io_, [this] {
            for (const std::string& each : std::exchange(dirty_, {})) {
                if (rings_.contains(each)) publish(each);
            }
        });
    }
    dirty_.insert(pool);
}

void RingPublisher::publish_next(const std::string& pool) {
    PublishedRing& ring = rings_.find(pool)->second;
    if (ring.job_ == 0) return publish(pool);
    ring.wanted_ = ++last_wanted_;
    ring.again_ = true;
}

void RingPublisher::publish(const std::string& pool) {
    PublishedRing& ring = rings_.find(pool)->second;
    ring.wanted_ = ++last_wanted_;
    std::vector<ring::Change> changes = changes_(pool);
    if (ring.job_ != 0) {
        ring.again_ = true;
        return;
    }
    ring.job_ = ++last_job_;
    std::swap(ring.evictions_in_job_, ring.evictions_);
    const auto then = [this, pool, job = ring.job_, balancer = ring.next_, wanted = ring.wanted_] {
        published(pool, job, balancer, wanted);
    };
    if (changes.empty()) return then();
    const auto work = [pool, balancer = ring.next_, changes = std::move(changes)] {
        build(pool, *balancer, changes);
    };
    builder_.run(work, then);
}

void RingPublisher::published(const std::string& pool, std::uint64_t job,
                              const std::shared_ptr<ring::Balancer>& balancer,
                              std::uint64_t wanted) {
    const auto found = rings_.find(pool);
    if (found == rings_.end() || found->second.job_ != job) return;  // of a pool that was removed
    PublishedRing& ring = found->second;
    ring.job_ = 0;
    ring.published_ = wanted;
    if (logs_debug()) {
        spdlog::debug("pool {}: ring {} serves", pool, balancer->snapshot()->generation());
    }
    if (ring.next_ == balancer) ring.balancer_ = balancer;
    ring.figures_.publish(ring.snapshot());
    effects_.published(pool);
    for (const Eviction& each : std::exchange(ring.evictions_in_job_, {})) effects_.evict(each);
    if (std::exchange(ring.again_, false)) publish(pool);
    resume_waiting(ring, ring.published_);
}

void RingPublisher::evict(const std::string& pool, const Eviction& eviction) {
    rings_.find(pool)->second.evictions_.push_back(eviction);
}

void RingPublisher::cancel_eviction(const std::string& pool, const Eviction& eviction) {
    PublishedRing& ring = rings_.find(pool)->second;
    const auto is_its = [&](const Eviction& each) { return each.is_same(eviction); };
    std::erase_if(ring.evictions_in_job_, is_its);
    std::erase_if(ring.evictions_, is_its);
}

void RingPublisher::when_published(const std::string* pool, std::function<void()> then) {
    using Wait = PublishedRing::Wait;
    const auto wait = std::make_shared<Wait>(Wait{0, std::move(then)});
    for (auto& [name, ring] : rings_) {
        const bool meant = pool == nullptr || name == *pool;
        if (!meant || ring.is_current()) continue;
        ring.waiting_.push_back({ring.wanted_, wait});
        ++wait->rings;
    }
    if (wait->rings == 0) wait->then();
}

void RingPublisher::resume_waiting(PublishedRing& ring, std::uint64_t published) {
    std::vector<std::shared_ptr<PublishedRing::Wait>> over;
    std::erase_if(ring.waiting_, [&](PublishedRing::Waiting& waiting) {
        if (waiting.wanted > published) return false;
        over.push_back(std::move(waiting.wait));
        return true;
    });
    for (const auto& wait : over) {
        if (--wait->rings == 0) wait->then();
    }
}

}  // namespace ringway::proxy
