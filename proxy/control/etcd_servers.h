// The servers that the keys of a prefix in etcd are, as a mirror has them. Control thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "conf/config.h"
#include "proxy/base/clock.h"
#include "proxy/control/overrides.h"
#include "proxy/etcd/client.h"
#include "proxy/etcd/mirror.h"

namespace ringway::proxy {

class EtcdServers {
public:
    struct Told {
        // Servers are others: these, or any of them for nullptr.
        std::function<void(const std::vector<std::string>* ids)> servers;
    };

    // Of the pool's entry `from`, which has etcd.
    EtcdServers(boost::asio::io_context& io, const std::string& pool, conf::ServersFrom from,
                EtcdTools tools, Told told);

    const conf::ServersFrom& from() const { return from_; }
    const NamedServers& servers() const { return servers_; }
    // Whether a member has answered.
    bool is_known() const { return is_known_; }
    // Whether that is so, or all members have been tried.
    bool is_settled() const {
        return is_known_ || state().errors >= from_.etcd->etcd.endpoints.size();
    }
    // By id: why it is no server.
    const std::map<std::string, std::string>& skipped() const { return skipped_; }
    const MirrorState& state() const { return mirror_->state(); }
    // For words to the same cluster.
    EtcdClient& client() { return client_; }

private:
    void on_change(std::span<const std::string> ids);
    void on_state(const MirrorState& state);
    void read(const std::string& id, const std::string& value);

    const std::string pool_;
    const conf::ServersFrom from_;
    const Told told_;
    EtcdClient client_;
    NamedServers servers_;
    std::map<std::string, std::string> skipped_;
    bool is_known_ = false;
    std::optional<MirrorState::Kind> last_;
    std::unique_ptr<EtcdMirror> mirror_;
};

}  // namespace ringway::proxy
