// The way of a pool's ring from what is wanted and known to what serves: worked out away
// from the control thread, one ring of a pool at a time. What changes meanwhile is in the
// next one, so that a burst of changes is few rings, and the last state is always published.
#include <utility>

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

#include "proxy/access_log.h"
#include "proxy/pools.h"

namespace ringway::proxy {

// A burst of flips becomes one change of the ring.
void Pools::publish_soon(const std::string& name) {
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
    builder_.run([balancer = pool.next, changes = std::move(changes)] { balancer->apply(changes); },
                 then);
}

void Pools::published(const std::string& name, std::uint64_t job,
                      const std::shared_ptr<ring::Balancer>& balancer, std::uint64_t wanted) {
    const auto found = pools_.find(name);
    if (found == pools_.end() || found->second.job != job) return;  // of a pool that is gone
    Pool& pool = found->second;
    pool.job = 0;
    pool.published = wanted;
    if (logs_debug()) {
        spdlog::debug("pool {}: ring of generation {}", name, balancer->snapshot()->generation());
    }
    if (pool.next == balancer) pool.balancer = balancer;
    pool.figures.publish(pool.balancer->snapshot());
    for (const Cut& cut : std::exchange(pool.cuts_in_job, {})) connections_.depart(cut);
    if (std::exchange(pool.again, false)) publish(pool);
    tell_waiting(name);
}

void Pools::when_published(std::function<void()> then) {
    Waiting waiting;
    for (const auto& [name, pool] : pools_) {
        if (pool.published < pool.wanted) waiting.wanted.emplace(name, pool.wanted);
    }
    if (waiting.wanted.empty()) return then();
    waiting.then = std::move(then);
    waiting_.push_back(std::move(waiting));
}

// Of a pool whose ring was published, or that is gone.
void Pools::tell_waiting(const std::string& name) {
    if (waiting_.empty()) return;
    const Pool* const pool = find(name);
    std::vector<std::function<void()>> done;
    std::erase_if(waiting_, [&](Waiting& waiting) {
        const auto entry = waiting.wanted.find(name);
        if (entry == waiting.wanted.end()) return false;
        if (pool != nullptr && pool->published < entry->second) return false;
        waiting.wanted.erase(entry);
        if (!waiting.wanted.empty()) return false;
        done.push_back(std::move(waiting.then));
        return true;
    });
    for (const auto& then : done) then();
}

}  // namespace ringway::proxy
