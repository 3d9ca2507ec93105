#include "proxy/control/listeners.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "conf/overlap.h"
#include "proxy/data/acceptor.h"

namespace ringway::proxy {

namespace {

// The addresses that a configuration leaves.
template <class Open>
std::set<std::string> addresses(const Open& open) {
    std::set<std::string> all;
    for (const auto& [address, unused] : open) all.insert(address);
    return all;
}

// The pools of a configuration, as connections reach them: one for all routes to a pool. Its ring
// is that of the configuration before, as long as its balancer is: connections that keep that
// configuration keep no snapshot of their own.
class Backends {
public:
    Backends(const Pools& pools, std::size_t workers, const PoolRings& before)
        : pools_(pools), workers_(workers), before_(before) {}

    // Chains of fallbacks end: conf/ has checked them.
    std::shared_ptr<const Backend> find(const std::string& name) {
        auto& backend = made_[name];
        if (backend) return backend;
        const Pool& pool = *pools_.find(name);
        Backend made{.pool = name,
                     .connect = pool.settings.connect,
                     .send_proxy = pool.settings.send_proxy,
                     .tls = pool.tls.traffic,
                     .ring = pool_ring(pool),
                     .counts = pool.ledger->counts,
                     .fallback = nullptr};
        if (!pool.settings.fallback.empty()) made.fallback = find(pool.settings.fallback);
        return backend = std::make_shared<const Backend>(std::move(made));
    }

    PoolRings rings() const {
        PoolRings rings;
        for (const auto& [name, backend] : made_) rings.emplace(name, backend->ring);
        return rings;
    }

private:
    std::shared_ptr<PoolRing> pool_ring(const Pool& pool) const {
        const auto found = before_.find(pool.settings.name);
        const auto& balancer = pool.ring->balancer();
        if (found != before_.end() && found->second->balancer() == balancer) return found->second;
        return std::make_shared<PoolRing>(balancer, workers_);
    }

    const Pools& pools_;
    const std::size_t workers_;
    const PoolRings& before_;
    std::map<std::string, std::shared_ptr<const Backend>> made_;
};

bool any_sends_header(const std::shared_ptr<const Backend>& first) {
    for (const Backend* each = first.get(); each != nullptr; each = each->fallback.get()) {
        if (each->sends_header()) return true;
    }
    return false;
}

Intake intake_of(const conf::Listener& listener, Backends& backends, const ListenerLedger& ledger,
                 const std::shared_ptr<const TlsServer>& tls) {
    Intake intake{.listener = listener.name,
                  .routes = RouteTable(listener.routes),
                  .backends = {},
                  .proxy_protocol = listener.proxy_protocol,
                  .tls = tls,
                  .allows_truncation = listener.tls && listener.tls->allows_truncation,
                  .defer_accept = listener.defer_accept,
                  .timeouts = listener.timeouts,
                  .counts = ledger.counts,
                  .quota = ledger.quota,
                  .needs_destination = false};
    for (const conf::ListenerRoute& route : listener.routes) {
        intake.backends.push_back(backends.find(route.pool));
    }
    intake.needs_destination =
        intake.routes.needs_destination() || std::ranges::any_of(intake.backends, any_sends_header);
    return intake;
}

}  // namespace

// Whether the addresses are free is asked for all of them before any is opened:
// 0.0.0.0 and 127.0.0.1 may share a port here, but not with anybody else.
Result<OpenedSockets> Listeners::open(const conf::Config& config) const {
    const auto refused = [](const conf::Listener& listener, const Reason& reason) {
        return Reason(fmt::format("listener {}: {}", listener.name, reason.text));
    };
    std::vector<std::pair<const conf::Listener*, conf::Endpoint>> wanted;
    for (const conf::Listener& next : config.listeners) {
        for (const conf::Endpoint& address : next.addresses()) {
            if (open_.contains(address.to_string())) continue;
            wanted.emplace_back(&next, address);
            if (auto free = check_address(address); !free) return refused(next, free.error());
        }
    }
    OpenedSockets opened;
    for (const auto& [listener, address] : wanted) {
        const auto set_options = [next = listener](int socket) {
            set_inherited_options(socket, next->timeouts, next->defer_accept);
        };
        auto sockets = open_listen_sockets(address, workers_.size(), set_options);
        if (!sockets) return refused(*listener, sockets.error());
        opened.emplace(address.to_string(), std::move(*sockets));
    }
    return opened;
}

// Fails where an address that is not open cannot be. Of unix sockets open_listen_sockets() knows
// more.
Result<void> Listeners::check_address(const conf::Endpoint& address) const {
    if (address.is_unix) {
        for (const auto& [name, open] : open_) {
            if (!open.file.is_at(address.path)) continue;
            return Reason(
                fmt::format("{} is the file of {}, which is open", address.to_string(), name));
        }
        return {};
    }
    std::vector<ino_t> ours;
    const auto add = [&](const Open& open) {
        if (!conf::overlap(open.address, address)) return;
        ours.insert(ours.end(), open.inodes.begin(), open.inodes.end());
    };
    for (const auto& [name, open] : open_) add(open);
    for (const Open& open : closing_) {
        if (!open.left.expired()) add(open);
    }
    return ours.empty() ? check_free(address) : check_free(address, ours);
}

void Listeners::remove_socket_files() {
    for (auto& [address, open] : open_) open.file.remove();
}

// Sockets are known to the workers by their address, so that a listener which is
// renamed, or two that swap their addresses, lose nothing from their queues.
// A listener keeps what counts its connections by its name. One whose name is new has that
// of the listener that leaves and had its address, or that had its name before.
ListenerLedger Listeners::ledger_of(const conf::Listener& next, const Leaving& leaving) const {
    if (const auto same = listeners_.find(next.name); same != listeners_.end()) {
        return {same->second.counts, same->second.quota};
    }
    if (const auto left = leaving.find(next.bind_text()); left != leaving.end()) {
        return {left->second->counts, left->second->quota};
    }
    if (const auto left = left_.find(next.name); left != left_.end()) return left->second;
    return {std::make_shared<PerWorker<ListenerCounts>>(workers_.size()),
            std::make_shared<Quota>()};
}

void Listeners::apply(const conf::Config& config, OpenedSockets opened, const Pools& pools,
                      const TlsServers& tls) {
    auto left_over = addresses(open_);
    std::map<std::string, Listener> next_listeners;
    std::set<const Quota*> counting;
    Backends backends(pools, workers_.size(), rings_);
    Leaving leaving;
    for (const auto& [name, listener] : listeners_) {
        leaving.emplace(listener.settings.bind_text(), &listener);
    }
    for (const conf::Listener& next : config.listeners) {
        const auto stays = listeners_.find(next.name);
        if (stays != listeners_.end()) leaving.erase(stays->second.settings.bind_text());
    }
    for (const conf::Listener& next : config.listeners) {
        auto [counts, quota] = ledger_of(next, leaving);
        counting.insert(quota.get());
        quota->set_limit(next.max_connections > 0 ? next.max_connections : Quota::unlimited);
        const auto found = tls.find(next.name);
        const auto tls_server = found != tls.end() ? found->second : nullptr;
        auto intake = intake_of(next, backends, {counts, quota}, tls_server);
        intake.log_access = config.log.access;
        const auto shared = std::make_shared<const Intake>(std::move(intake));
        for (const conf::Endpoint& address : next.addresses()) {
            left_over.erase(address.to_string());
            listen(address, opened, shared);
        }
        next_listeners.emplace(next.name,
                               Listener{next, tls_server, std::move(counts), std::move(quota)});
    }
    for (const auto& [name, listener] : listeners_) {
        if (!counting.contains(listener.quota.get())) {
            left_[name] = {listener.counts, listener.quota};
        }
    }
    std::erase_if(left_, [&](const auto& entry) {
        return next_listeners.contains(entry.first) || entry.second.quota->live() == 0;
    });
    std::erase_if(closing_, [](const Open& each) { return each.left.expired(); });
    for (const std::string& address : left_over) {
        const auto left = std::make_shared<int>();
        Open& closing = closing_.emplace_back(std::move(open_.extract(address).mapped()));
        closing.left = left;
        // Before it is closed, so that nobody can listen there yet and lose the file to us.
        // Who is in the queue is served all the same.
        closing.file.remove();
        for (const auto& worker : workers_) worker->unlisten(address, left);
    }
    listeners_ = std::move(next_listeners);
    rings_ = backends.rings();
}

// Has the workers take `intake` at an address that is open, or is among `opened`.
void Listeners::listen(const conf::Endpoint& where, OpenedSockets& opened,
                       const std::shared_ptr<const Intake>& intake) {
    const std::string address = where.to_string();
    const auto sockets = opened.find(address);
    if (sockets == opened.end()) {
        for (const auto& worker : workers_) worker->take_up(address, intake);
        return;
    }
    open_[address] = {.address = where,
                      .inodes = sockets->second.inodes(),
                      .file = std::move(sockets->second.file)};
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        workers_[i]->listen(address, std::move(sockets->second.sockets[i]), intake);
    }
}

}  // namespace ringway::proxy
