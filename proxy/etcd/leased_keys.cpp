#include "proxy/etcd/leased_keys.h"

#include <algorithm>
#include <random>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ringway::proxy {

namespace {

namespace asio = boost::asio;
using Call = LeasePlan::Call;

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

}  // namespace

class LeasedKeys::Keeper {
public:
    Keeper(asio::io_context& io, EtcdClient& client, std::chrono::seconds ttl)
        : client_(client), ttl_(ttl), plan_(ttl, std::random_device()()), wake_(io), ended_(io) {
        ended_.expires_at(TimePoint::max());
    }

    static asio::awaitable<void> run(std::shared_ptr<Keeper> self);

    LeasePlan& plan() { return plan_; }
    // The plan has something else to do.
    void wake() { wake_.cancel(); }
    void abandon() {
        abandoned_ = true;
        wake();
        ended_.cancel();
    }
    bool has_ended() const { return has_ended_; }
    asio::steady_timer& ended() { return ended_; }

private:
    asio::awaitable<void> make(Call call);

    EtcdClient& client_;
    const std::chrono::seconds ttl_;
    LeasePlan plan_;
    asio::steady_timer wake_;
    asio::steady_timer ended_;  // cancelled at the end of run()
    bool abandoned_ = false;    // `client_` may be gone
    bool has_ended_ = false;
};

asio::awaitable<void> LeasedKeys::Keeper::run(std::shared_ptr<Keeper> self) {
    while (!self->abandoned_ && !self->plan_.is_done()) {
        auto call = self->plan_.next(Clock::now());
        if (call) {
            co_await self->make(std::move(*call));
            continue;
        }
        self->wake_.expires_at(self->plan_.due());
        co_await self->wake_.async_wait(use_tuple);
    }
    self->has_ended_ = true;
    self->ended_.cancel();
}

asio::awaitable<void> LeasedKeys::Keeper::make(Call call) {
    using Kind = Call::Kind;
    const TimePoint sent = Clock::now();
    EtcdResult<EtcdLease> lease;
    EtcdResult<void> done;
    switch (call.kind) {
        case Kind::grant:
            lease = co_await client_.grant(ttl_);
            break;
        case Kind::keep_alive:
            lease = co_await client_.keep_alive(call.lease);
            break;
        case Kind::put:
            done = co_await client_.put(call.key, call.value, call.lease);
            break;
        case Kind::remove:
            done = co_await client_.remove(call.key);
            break;
        case Kind::revoke:
            done = co_await client_.revoke(call.lease);
            break;
    }
    const TimePoint now = Clock::now();
    if (!lease) {
        plan_.on_failure(now, call, lease.error());
    } else if (!done) {
        plan_.on_failure(now, call, done.error());
    } else if (call.kind == Kind::grant) {
        plan_.on_granted(now, sent, *lease);
    } else if (call.kind == Kind::keep_alive) {
        plan_.on_kept(now, sent, *lease);
    } else if (call.kind == Kind::put) {
        plan_.on_put(call);
    } else if (call.kind == Kind::remove) {
        plan_.on_removed(call);
    } else {
        plan_.on_revoked();
    }
}

LeasedKeys::LeasedKeys(asio::io_context& io, EtcdClient& client, std::chrono::seconds ttl)
    : keeper_(std::make_shared<Keeper>(io, client, ttl)) {
    asio::co_spawn(io, Keeper::run(keeper_), asio::detached);
}

LeasedKeys::~LeasedKeys() {
    keeper_->abandon();
}

void LeasedKeys::set(std::string key, std::string value) {
    keeper_->plan().set(std::move(key), std::move(value));
    keeper_->wake();
}

void LeasedKeys::erase(const std::string& key) {
    keeper_->plan().erase(key);
    keeper_->wake();
}

void LeasedKeys::doubt(const std::string& key) {
    keeper_->plan().doubt(key);
    keeper_->wake();
}

asio::awaitable<void> LeasedKeys::stop(std::chrono::milliseconds limit) {
    keeper_->plan().stop();
    keeper_->wake();
    return wait_for_end(keeper_, limit);
}

asio::awaitable<void> LeasedKeys::wait_for_end(std::shared_ptr<Keeper> keeper,
                                               std::chrono::milliseconds limit) {
    if (!keeper->has_ended()) {
        keeper->ended().expires_after(limit);
        co_await keeper->ended().async_wait(use_tuple);
    }
    if (!keeper->has_ended()) keeper->abandon();
}

LeaseState LeasedKeys::state() const {
    return keeper_->plan().state(Clock::now());
}

}  // namespace ringway::proxy
