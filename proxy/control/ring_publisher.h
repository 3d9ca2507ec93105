// The way of a pool's ring from what it should be to what serves: worked out on another
// thread, one ring of a pool at a time. What changes meanwhile is in the next ring, so that a
// burst of changes makes few rings, and the last state is always published. Control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "proxy/control/background.h"
#include "proxy/control/ring_figures.h"
#include "proxy/data/eviction.h"
#include "ring/balancer.h"

namespace ringway::proxy {

// One pool's ring.
class PublishedRing {
public:
    // The ring that serves, and its shares.
    const std::shared_ptr<ring::Balancer>& balancer() const { return balancer_; }
    std::shared_ptr<const ring::Snapshot> snapshot() const { return balancer_->snapshot(); }
    const RingFigures& figures() const { return figures_; }

    // What the next ring is made from: the ring that serves, or an empty one with other
    // settings.
    std::shared_ptr<const ring::Snapshot> base() const { return next_->snapshot(); }

    // Whether everything that was asked for serves.
    bool is_current() const { return published_ >= wanted_; }

    // Whether the ring that serves has the server, and gives it new connections.
    bool is_online(std::string_view id) const;

private:
    friend class RingPublisher;

    struct Wait {
        std::size_t rings;           // that are still waited for
        std::function<void()> then;  // called when none is
    };
    struct Waiting {
        std::uint64_t wanted;
        std::shared_ptr<Wait> wait;
    };

    std::shared_ptr<ring::Balancer> balancer_;
    RingFigures figures_;
    std::shared_ptr<ring::Balancer> next_;  // will serve; `balancer_` unless the settings change
    std::uint64_t job_ = 0;                 // that works a ring out; 0 for none
    bool again_ = false;                    // what it makes will be old when it is done
    std::uint64_t wanted_ = 0;              // the number of the last change that was asked for,
    std::uint64_t published_ = 0;           // and of the last that serves
    std::vector<Waiting> waiting_;
    // Take effect once the ring sends no new connections there: those of the ring that is in
    // work, and those of the one after it.
    std::vector<Eviction> evictions_in_job_;
    std::vector<Eviction> evictions_;
};

class RingPublisher {
public:
    // What makes a pool's base() what it should be now. Asked whenever publish() is called.
    using Changes = std::function<std::vector<ring::Change>(const std::string& pool)>;
    struct Effects {
        std::function<void(const Eviction&)> evict;
        std::function<void(const std::string& pool)> published;
    };

    // `builder`, on which rings are worked out, outlives this.
    RingPublisher(boost::asio::io_context& io, Background& builder, Changes changes,
                  Effects effects);

    // Adds a pool's ring, or gives it other settings: the old ring serves until the new one is
    // whole. The reference is valid until remove().
    PublishedRing& set(const std::string& pool, const ring::Settings& settings,
                       const std::shared_ptr<ring::Ledger>& ledger);
    // Its evictions take effect, and nobody waits for it any more.
    void remove(const std::string& pool);

    void publish(const std::string& pool);
    // At the end of this turn of the loop: a burst of calls is one ring.
    void publish_soon(const std::string& pool);
    // With the next ring where one is in work, whose Changes will be asked for then.
    void publish_next(const std::string& pool);

    // Has the connections end once the next ring that is begun serves.
    void evict(const std::string& pool, const Eviction& eviction);
    // Drops evictions of the same connections that have not taken effect.
    void cancel_eviction(const std::string& pool, const Eviction& eviction);

    // Calls `then` once all that was asked for until now of a pool, or of all where it is
    // nullptr, serves.
    void when_published(const std::string* pool, std::function<void()> then);

private:
    void published(const std::string& pool, std::uint64_t job,
                   const std::shared_ptr<ring::Balancer>& balancer, std::uint64_t wanted);
    static void resume_waiting(PublishedRing& ring, std::uint64_t published);

    boost::asio::io_context& io_;
    Background& builder_;
    const Changes changes_;
    const Effects effects_;
    std::map<std::string, PublishedRing, std::less<>> rings_;  // by pool
    std::set<std::string> dirty_;                              // to publish at the end of this turn
    std::uint64_t last_job_ = 0;
    std::uint64_t last_wanted_ = 0;  // of all pools: one that returns does not count anew
};

}  // namespace ringway::proxy
