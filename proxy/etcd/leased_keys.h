// Keys of ours in etcd that are there as long as we are: under a lease that is kept alive, and
// granted anew with all keys when it was lost. One loop.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "proxy/etcd/client.h"
#include "proxy/etcd/lease_plan.h"

namespace ringway::proxy {

class LeasedKeys {
public:
    // `client`, which calls are made with, must outlive this. `ttl` is at least a second.
    LeasedKeys(boost::asio::io_context& io, EtcdClient& client, std::chrono::seconds ttl);
    // Nothing is done any more: the keys vanish when the lease expires.
    ~LeasedKeys();
    LeasedKeys(const LeasedKeys&) = delete;
    LeasedKeys& operator=(const LeasedKeys&) = delete;

    // As soon as possible; of several values of a key only the newest may get there.
    void set(std::string key, std::string value);
    void erase(const std::string& key);
    // Somebody else has removed the key, or put another value there: it is put again.
    void doubt(const std::string& key);

    // Removes all keys at once, by the lease. Returns when that is done, has failed, or after
    // `limit`; then the keys vanish when the lease expires.
    boost::asio::awaitable<void> stop(std::chrono::milliseconds limit);

    LeaseState state() const;

private:
    class Keeper;
    static boost::asio::awaitable<void> wait_for_end(std::shared_ptr<Keeper> keeper,
                                                     std::chrono::milliseconds limit);

    const std::shared_ptr<Keeper> keeper_;  // shared with its coroutine
};

}  // namespace ringway::proxy
