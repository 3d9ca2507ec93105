// The way of a pool's ring from what is wanted and known to what serves: worked out away
// from the control thread, one ring of a pool at a time. What changes meanwhile is in the
// next one, so that a burst of changes is few rings, and the last state is always published.
#include <algorithm>
#include <exception>
#include <utility>

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

#include "proxy/base/access_log.h"
#include "proxy/control/pools.h"

namespace ringway::proxy {

namespace {

// A ring of so many points is edited in one or two milliseconds (tools/ringbench).
constexpr std::uint64_t small_points = 1 << 18;

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

bool Pool::is_online(std::string_view id) const {
    const auto serving = balancer->snapshot();
    const ring::Member* const member = serving->find(id);
    return member != nullptr && member->status == ring::Status::online;
}

std::uint64_t Pool::online() const {
    const auto serving = balancer->snapshot();
    return static_cast<std::uint64_t>(
        std::ranges::count_if(serving->members(), [&](const ring::Member& member) {
            return member.status == ring::Status::online && servers.contains(member.id);
        }));
}

// A burst of flips becomes one change of the ring.
void Pools::publish_soon(const std::string& name) {
    const auto pool = pools_.find(name);
    if (pool == pools_.end()) return;
    pool->second.wanted = ++last_wanted_;  // who asks from now on waits for it
    if (dirty_.empty()) {
        boost::asio::post(io_, [this] {
            for (const std::string& each : std::exchange(dirty_, {})) {
                const auto found = pools_.find(each);
                if (found != pools_.end()) publish(found->second);
            }
        });
    }
    dirty_.insert(name);
}

void Pools::publish(Pool& pool) {
    pool.wanted = ++last_wanted_;
    std::vector<ring::Change> changes = judge(pool);
    if (pool.job != 0) {
        pool.again = true;
        return;
    }
    pool.job = ++last_job_;
    std::swap(pool.cuts_in_job, pool.cuts);
    const auto then = [this, name = pool.settings.name, job = pool.job, balancer = pool.next,
                       wanted = pool.wanted] { published(name, job, balancer, wanted); };
    if (changes.empty()) return then();
    const auto work = [name = pool.settings.name, balancer = pool.next,
                       changes = std::move(changes)] { build(name, *balancer, changes); };
    builder_.run(work, then);
}

void Pools::published(const std::string& name, std::uint64_t job,
                      const std::shared_ptr<ring::Balancer>& balancer, std::uint64_t wanted) {
    const auto found = pools_.find(name);
    if (found == pools_.end() || found->second.job != job) return;  // of a pool that is gone
    Pool& pool = found->second;
    pool.job = 0;
    pool.published = wanted;
    if (logs_debug()) {
        spdlog::debug("pool {}: ring {} serves", name, balancer->snapshot()->generation());
    }
    if (pool.next == balancer) pool.balancer = balancer;
    pool.figures.publish(pool.balancer->snapshot());
    for (const Cut& cut : std::exchange(pool.cuts_in_job, {})) connections_.depart(cut);
    if (std::exchange(pool.again, false)) publish(pool);
    tell_waiting(pool, pool.published);
}

bool Pools::is_small(std::string_view pool) const {
    const Pool* const of = find(pool);
    if (of == nullptr) return true;
    std::uint64_t weights = 0;
    for (const auto& [id, server] : of->servers) weights += server.weight;
    const bool maglev = of->settings.hash.algorithm == conf::HashSettings::Algorithm::maglev;
    return (maglev ? of->servers.size() : weights) * of->settings.hash.vnodes <= small_points;
}

void Pools::when_published(const std::string* pool, std::function<void()> then) {
    const auto wait = std::make_shared<Wait>(Wait{0, std::move(then)});
    for (auto& [name, each] : pools_) {
        const bool meant = pool == nullptr || name == *pool;
        if (!meant || each.published >= each.wanted) continue;
        each.waiting.push_back({each.wanted, wait});
        ++wait->pools;
    }
    if (wait->pools == 0) wait->then();
}

void Pools::tell_waiting(Pool& pool, std::uint64_t published) {
    std::vector<std::shared_ptr<Wait>> over;
    std::erase_if(pool.waiting, [&](Waiting& waiting) {
        if (waiting.wanted > published) return false;
        over.push_back(std::move(waiting.wait));
        return true;
    });
    for (const auto& wait : over) {
        if (--wait->pools == 0) wait->then();
    }
}

}  // namespace ringway::proxy
