// Calls to an etcd cluster, one after another on a connection that is kept. A call tries the
// endpoints in turn, beginning with the one that last answered. One loop; never blocks.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "conf/sources.h"
#include "proxy/etcd/access.h"
#include "proxy/etcd/json_gateway.h"
#include "proxy/etcd/range_reader.h"

namespace ringway::proxy {

class EtcdClient {
public:
    template <class T>
    using Call = boost::asio::awaitable<EtcdResult<T>>;

    EtcdClient(boost::asio::io_context& io, conf::EtcdSettings settings, EtcdTools tools,
               EtcdLimits limits = {});
    // Calls in progress fail as closed; they may end later.
    ~EtcdClient();
    EtcdClient(const EtcdClient&) = delete;
    EtcdClient& operator=(const EtcdClient&) = delete;

    // Each attempt at an endpoint has its limit; the error of a call that fails says why for each
    // endpoint. A change whose answer was lost is made again: it may be made twice.

    // All keys of a prefix at one revision; only from a member that has a quorum.
    Call<EtcdSnapshot> range(std::string prefix);
    Call<void> put(std::string_view key, std::string_view value, std::int64_t lease = 0);
    Call<void> remove(std::string_view key);
    Call<EtcdLease> grant(std::chrono::seconds ttl);
    Call<EtcdLease> keep_alive(std::int64_t id);  // with a TTL of 0: there is none any more
    Call<void> revoke(std::int64_t id);           // also a success if there is none any more

    // For a mirror of the same cluster.
    const std::shared_ptr<EtcdAccess>& access() const;

private:
    struct Core;
    class Turn;

    static Call<std::string> ask_one(std::shared_ptr<Core> core, std::size_t endpoint,
                                     EtcdRequest request);
    static Call<std::string> ask(std::shared_ptr<Core> core, std::string_view path,
                                 std::string body);
    static Call<EtcdSnapshot> range_of(std::shared_ptr<Core> core, std::string prefix);
    static Call<void> change(std::shared_ptr<Core> core, std::string_view path, std::string body);
    static Call<EtcdLease> grant_of(std::shared_ptr<Core> core, std::string body);
    static Call<EtcdLease> keep_of(std::shared_ptr<Core> core, std::string body);
    static Call<void> revoke_of(std::shared_ptr<Core> core, std::string body);

    const std::shared_ptr<Core> core_;  // shared with calls
};

}  // namespace ringway::proxy
