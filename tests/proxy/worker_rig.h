// A worker with one listener and a ring whose servers the test plays itself.
// Test thread only; the worker has its own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "conf/config.h"
#include "proxy/data/acceptor.h"
#include "proxy/data/intake.h"
#include "proxy/data/quota.h"
#include "proxy/data/worker.h"
#include "proxy/net/listen_sockets.h"
#include "ring/balancer.h"
#include "tests/proxy/captured_log.h"
#include "tests/proxy/engine.h"
#include "tests/support/sockets.h"
#include "tests/support/wait.h"

namespace ringway::test {

// How a rig treats its connections.
struct RigSettings {
    conf::KeySettings key{};
    std::optional<conf::ProxyProtocol> proxy_protocol{};
    conf::SendProxy send_proxy{};
    conf::ListenerTimeouts timeouts{};
    conf::ConnectSettings connect{.timeout = 5s};
    double balance_factor = 0;
    std::uint64_t listener_limit = proxy::Quota::unlimited;
    std::uint64_t total_limit = proxy::Quota::unlimited;
    std::shared_ptr<proxy::FailureReports> failure_reports{};  // of every server
    std::uint64_t most_pipes = 1024;
    bool running = true;  // from the start
};

inline RigSettings keyed_by_first_line() {
    return {.key = {.parts = {{.from = conf::KeyPart::From::first_line}}, .max_bytes = 1024}};
}

class WorkerRig {
public:
    using ServerCounts = proxy::PerWorker<proxy::ServerCounts>;

    explicit WorkerRig(RigSettings settings = {})
        : settings_(std::move(settings)), total_(settings_.total_limit) {
        quota_->set_limit(settings_.listener_limit);
        balancer_ = std::make_shared<ring::Balancer>(
            ring::Settings{.vnodes = 64, .balance_factor = settings_.balance_factor});
        listen(loopback());
        if (settings_.running) worker_.run();
    }
    WorkerRig(const WorkerRig&) = delete;
    WorkerRig& operator=(const WorkerRig&) = delete;

    // A server behind `socket`; it accepts if that listens, else it refuses.
    const Fd& add_server(const std::string& id, Fd socket = listening_socket(),
                         std::uint32_t max_connections = 0) {
        const auto server = std::make_shared<proxy::Server>(
            proxy::Server{id, local_endpoint(socket), std::make_shared<ServerCounts>(1),
                          settings_.failure_reports});
        balancer_->register_server(
            {.id = id, .context = server, .max_connections = max_connections});
        counts_[id] = server->counts;
        return sockets_[id] = std::move(socket);
    }

    // Opens the worker's listening socket there.
    void listen(const conf::Endpoint& where) {
        auto opened = proxy::open_listen_sockets(where, 1, [this](int socket) {
            proxy::set_inherited_options(socket, settings_.timeouts, {});
        });
        BOOST_REQUIRE(opened.has_value());
        address_ = local_endpoint(opened->sockets.front());
        worker_.listen("front", std::move(opened->sockets.front()), intake());
    }

    std::shared_ptr<const proxy::Intake> intake() const { return intake(balancer_); }
    std::shared_ptr<const proxy::Intake> intake(
        const std::shared_ptr<const ring::Balancer>& balancer) const {
        const auto backend = std::make_shared<const proxy::Backend>(
            proxy::Backend{.pool = "main",
                           .connect = settings_.connect,
                           .send_proxy = settings_.send_proxy,
                           .ring = std::make_shared<proxy::PoolRing>(balancer, 1),
                           .counts = pool_counts_});
        const conf::ListenerRoute route{.pool = "main", .key = settings_.key};
        proxy::RouteTable routes({route});
        const bool needs_destination = routes.needs_destination() || backend->sends_header();
        return std::make_shared<const proxy::Intake>(
            proxy::Intake{.listener = "front",
                          .routes = std::move(routes),
                          .backends = {backend},
                          .proxy_protocol = settings_.proxy_protocol,
                          .timeouts = settings_.timeouts,
                          .counts = listener_counts_,
                          .quota = quota_,
                          .needs_destination = needs_destination});
    }

    Fd connect() const { return connected_socket(address_); }
    const conf::Endpoint& address() const { return address_; }
    Fd accept(const std::string& id) const { return accepted_socket(sockets_.at(id)); }
    bool was_dialled(const std::string& id) const { return ready(sockets_.at(id), POLLIN, 0ms); }
    const Fd& socket(const std::string& id) const { return sockets_.at(id); }

    // A key, without blanks, whose walk begins with these servers.
    std::string key_of(const std::vector<std::string>& ids) const {
        const auto snapshot = balancer_->snapshot();
        for (int i = 0; i < 100'000; ++i) {
            std::string key = "key-" + std::to_string(i);
            ring::Walk walk(*snapshot, snapshot->hash(key));
            bool same = true;
            for (const std::string& id : ids) {
                const ring::Member* const member = walk.next();
                same = same && member != nullptr && member->id == id;
            }
            if (same) return key;
        }
        BOOST_FAIL("no such key");
        return {};
    }

    std::uint64_t count(proxy::Counter proxy::ListenerCounts::*field) const {
        return sum(*listener_counts_, field);
    }
    std::uint64_t ended_by(proxy::CloseReason end) const {
        return listener_counts_->front().ended(end).value();
    }
    std::uint64_t count(const std::string& id, proxy::Counter proxy::ServerCounts::*field) const {
        return sum(*counts_.at(id), field);
    }

    const proxy::PoolCounts& pool_counts() const { return pool_counts_->front(); }

    // Whether the log soon has `times` connections that ended so.
    bool ended(std::string_view end, std::size_t times = 1) const {
        return log_.has("end=" + std::string(end) + "\n", times);
    }

    // Whether no connection is counted any more, as when nothing had ever come.
    bool is_idle() const {
        return eventually([&] {
            bool idle = count(&proxy::ListenerCounts::active) == 0;
            for (const auto& [id, counts] : counts_) {
                idle = idle && sum(*counts, &proxy::ServerCounts::active) == 0;
            }
            return idle;
        });
    }

    std::shared_ptr<const ServerCounts> counts(const std::string& id) const {
        return counts_.at(id);
    }

    ring::Balancer& balancer() { return *balancer_; }
    proxy::Worker& worker() { return worker_; }
    proxy::Quota& quota() { return *quota_; }
    const proxy::Quota& total() const { return total_; }
    const CapturedLog& log() const { return log_; }

private:
    using ListenerCounts = proxy::PerWorker<proxy::ListenerCounts>;
    using PoolCounts = proxy::PerWorker<proxy::PoolCounts>;

    CapturedLog log_;
    const RigSettings settings_;
    std::map<std::string, Fd> sockets_;
    std::map<std::string, std::shared_ptr<ServerCounts>> counts_;
    std::shared_ptr<ring::Balancer> balancer_;
    const std::shared_ptr<ListenerCounts> listener_counts_ = std::make_shared<ListenerCounts>(1);
    const std::shared_ptr<PoolCounts> pool_counts_ = std::make_shared<PoolCounts>(1);
    conf::Endpoint address_;
    const std::shared_ptr<proxy::Quota> quota_ = std::make_shared<proxy::Quota>();
    proxy::Quota total_;
    proxy::Worker worker_{0, total_, settings_.most_pipes, batch_of_engine()};
};

}  // namespace ringway::test
