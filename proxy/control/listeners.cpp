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

Route route_of(const conf::Listener& listener, const Pool& pool, const ListenerLedger& ledger,
               const std::shared_ptr<const TlsServer>& tls) {
    return {.listener = listener.name,
            .key = KeyRecipe(listener.key),
            .proxy_protocol = listener.proxy_protocol,
            .tls = tls,
            .allows_truncation = listener.tls && listener.tls->allows_truncation,
            .defer_accept = listener.defer_accept,
            .timeouts = listener.timeouts,
            .connect = pool.settings.connect,
            .send_proxy = pool.settings.send_proxy,
            .server_tls = pool.tls.traffic,
            .pool = listener.pool,
            .balancer = pool.ring->balancer(),
            .counts = ledger.counts,
            .pool_counts = pool.ledger->counts,
            .quota = ledger.quota};
}

}  // namespace

// Whether the addresses are free is asked for all of them before any is opened:
// 0.0.0.0 and 127.0.0.1 may share a port here, but not with anybody else.
Result<OpenedSockets> Listeners::open(const conf::Config& config) const {
    const auto refused = [](const conf::Listener& listener, const Reason& reason) {
        return Reason(fmt::format("listener {}: {}", listener.name, reason.text));
    };
    std::vector<const conf::Listener*> wanted;
    for (const conf::Listener& next : config.listeners) {
        if (open_.contains(next.bind.to_string())) continue;
        wanted.push_back(&next);
        if (auto free = check_address(next.bind); !free) return refused(next, free.error());
    }
    OpenedSockets opened;
    for (const conf::Listener* next : wanted) {
        auto sockets = open_listen_sockets(next->bind, workers_.size(), [next](int socket) {
            set_inherited_options(socket, next->timeouts, next->defer_accept);
        });
        if (!sockets) return refused(*next, sockets.error());
        opened.emplace(next->bind.to_string(), std::move(*sockets));
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
    if (const auto left = leaving.find(next.bind.to_string()); left != leaving.end()) {
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
    Leaving leaving;
    for (const auto& [name, listener] : listeners_) {
        leaving.emplace(listener.settings.bind.to_string(), &listener);
    }
    for (const conf::Listener& next : config.listeners) {
        const auto stays = listeners_.find(next.name);
        if (stays != listeners_.end()) leaving.erase(stays->second.settings.bind.to_string());
    }
    for (const conf::Listener& next : config.listeners) {
        auto [counts, quota] = ledger_of(next, leaving);
        counting.insert(quota.get());
        quota->set_limit(next.max_connections > 0 ? next.max_connections : Quota::unlimited);
        const auto found = tls.find(next.name);
        const auto tls_server = found != tls.end() ? found->second : nullptr;
        auto route = route_of(next, *pools.find(next.pool), {counts, quota}, tls_server);
        route.log_access = config.log.access;
        const auto shared = std::make_shared<const Route>(std::move(route));
        const std::string address = next.bind.to_string();
        left_over.erase(address);
        const auto sockets = opened.find(address);
        if (sockets != opened.end()) {
            open_[address] = {.address = next.bind,
                              .inodes = sockets->second.inodes(),
                              .file = std::move(sockets->second.file)};
        }
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            if (sockets == opened.end()) {
                workers_[i]->reroute(address, shared);
            } else {
                workers_[i]->listen(address, std::move(sockets->second.sockets[i]), shared);
            }
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
}

}  // namespace ringway::proxy
