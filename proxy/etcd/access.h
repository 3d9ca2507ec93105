// What all connections to one etcd cluster share: its endpoints, the names and the certificates,
// and the token of the user. One loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "conf/sources.h"
#include "proxy/base/clock.h"
#include "proxy/etcd/connection.h"
#include "proxy/etcd/json_gateway.h"

namespace ringway::proxy {

struct EtcdLimits {
    std::chrono::milliseconds attempt{2'000};  // to connect to a member and to have its answer
    std::size_t page_keys = 1'000;             // of one answer
    // Of a watch: members tell progress every 10 minutes at least.
    std::chrono::milliseconds silence = std::chrono::minutes{25};
    // Between questions whether the member of a watch still answers: one that hangs acknowledges
    // in its kernel.
    std::chrono::milliseconds guard{10'000};
};

// The settings with names of certificates by default those of the endpoints; nullptr without
// `settings.tls`, or if `findings` got errors. Reads files.
std::shared_ptr<const TlsClient> load_etcd_tls(const conf::EtcdSettings& settings,
                                               const std::string& entry, TlsFindings& findings,
                                               X509Store& roots);

class EtcdAccess {
public:
    EtcdAccess(boost::asio::io_context& io, conf::EtcdSettings settings, EtcdTools tools,
               EtcdLimits limits = {});
    EtcdAccess(const EtcdAccess&) = delete;
    EtcdAccess& operator=(const EtcdAccess&) = delete;

    boost::asio::io_context& io() const { return io_; }
    const EtcdTools& tools() const { return tools_; }
    const EtcdLimits& limits() const { return limits_; }
    const std::vector<EtcdEndpoint>& endpoints() const { return endpoints_; }

    // The token is unknown to a member: the next call gets another one.
    void forget_token() { token_.clear(); }

    // A call on a connection, with the user's token; authenticates as needed. The body of the
    // answer, which is no error. The coroutines need what they are given until they end.
    boost::asio::awaitable<EtcdResult<std::string>> ask(EtcdConnection& connection,
                                                        EtcdRequest request, TimePoint until);
    // The same for a stream, which read_stream() of the connection reads.
    boost::asio::awaitable<EtcdResult<void>> ask_stream(EtcdConnection& connection,
                                                        EtcdRequest request, TimePoint until);

private:
    using Answer = EtcdResult<EtcdAnswer>;

    boost::asio::awaitable<Answer> ask_any(EtcdConnection& connection, EtcdRequest request,
                                           bool is_stream, TimePoint until);
    boost::asio::awaitable<EtcdResult<void>> authenticate(EtcdConnection& connection,
                                                          TimePoint until);

    boost::asio::io_context& io_;
    const conf::EtcdSettings settings_;
    const EtcdTools tools_;
    const EtcdLimits limits_;
    const std::vector<EtcdEndpoint> endpoints_;
    std::string token_;           // empty: none yet
    bool auth_disabled_ = false;  // by the cluster, when last asked
};

}  // namespace ringway::proxy
