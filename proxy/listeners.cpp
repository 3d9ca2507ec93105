#include "proxy/listeners.h"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "proxy/listen_sockets.h"

namespace ringway::proxy {

namespace {

std::set<std::string> addresses(const std::map<std::string, Listener>& listeners) {
    std::set<std::string> all;
    for (const auto& [name, listener] : listeners) all.insert(listener.settings.bind.to_string());
    return all;
}

// Before it is closed, so that nobody can listen there yet and lose the file to us.
// Who is in the queue is served all the same.
void remove_socket_file(const std::string& address) {
    const auto endpoint = conf::Endpoint::parse(address);
    if (endpoint->is_unix) ::unlink(endpoint->path.c_str());
}

}  // namespace

// Whether the addresses are free is asked for all of them before any is opened:
// 0.0.0.0 and 127.0.0.1 may share a port here, but not with anybody else.
OpenedSockets Listeners::open(const conf::Config& config,
                              std::optional<std::string>& refusal) const {
    const auto open_already = addresses(listeners_);
    std::vector<const conf::Listener*> wanted;
    for (const conf::Listener& next : config.listeners) {
        if (open_already.contains(next.bind.to_string())) continue;
        wanted.push_back(&next);
        if (next.bind.is_unix || port_is_ours(next.bind.port)) continue;
        if (auto reason = why_not_free(next.bind)) {
            refusal = fmt::format("listener {}: {}", next.name, *reason);
            return {};
        }
    }
    OpenedSockets opened;
    for (const conf::Listener* next : wanted) {
        auto sockets = open_listen_sockets(next->bind, workers_.size());
        if (auto* reason = std::get_if<std::string>(&sockets)) {
            refusal = fmt::format("listener {}: {}", next->name, *reason);
            for (const auto& [address, unused] : opened) remove_socket_file(address);
            return {};
        }
        opened.emplace(next->bind.to_string(), std::move(std::get<std::vector<Fd>>(sockets)));
    }
    return opened;
}

bool Listeners::port_is_ours(std::uint16_t port) const {
    const auto [begin, end] = closing_.equal_range(port);
    return std::ranges::any_of(
               listeners_,
               [&](const auto& entry) { return entry.second.settings.bind.port == port; }) ||
           std::any_of(begin, end, [](const auto& entry) { return !entry.second.expired(); });
}

// Sockets are known to the workers by their address, so that a listener which is
// renamed, or two that swap their addresses, lose nothing from their queues.
void Listeners::remove_socket_files() const {
    for (const auto& [name, listener] : listeners_) {
        remove_socket_file(listener.settings.bind.to_string());
    }
}

// A listener keeps what counts its connections by its name. One whose name is new has that
// of the listener which had its address and is gone, or which had its name before.
ListenerLedger Listeners::ledger_of(const conf::Listener& next, const conf::Config& config) const {
    if (const auto same = listeners_.find(next.name); same != listeners_.end()) {
        return {same->second.counts, same->second.quota};
    }
    for (const auto& [name, listener] : listeners_) {
        if (listener.settings.bind != next.bind) continue;
        const bool stays = std::ranges::find(config.listeners, name, &conf::Listener::name) !=
                           config.listeners.end();
        if (!stays) return {listener.counts, listener.quota};
    }
    if (const auto left = left_.find(next.name); left != left_.end()) return left->second;
    return {std::make_shared<PerWorker<ListenerCounts>>(workers_.size()),
            std::make_shared<Quota>()};
}

void Listeners::apply(const conf::Config& config, OpenedSockets opened, const Pools& pools) {
    auto left_over = addresses(listeners_);
    std::map<std::string, Listener> next_listeners;
    for (const conf::Listener& next : config.listeners) {
        auto [counts, quota] = ledger_of(next, config);
        quota->set_limit(next.max_connections > 0 ? next.max_connections : Quota::unlimited);
        const Pool& pool = *pools.find(next.pool);
        const auto route =
            std::make_shared<const Route>(Route{.listener = next.name,
                                                .key = KeyRecipe(next.key),
                                                .proxy_protocol = next.proxy_protocol,
                                                .defer_accept = next.defer_accept,
                                                .timeouts = next.timeouts,
                                                .connect = pool.settings.connect,
                                                .send_proxy = pool.settings.send_proxy,
                                                .pool = next.pool,
                                                .balancer = pool.balancer,
                                                .counts = counts,
                                                .pool_counts = pool.counts,
                                                .quota = quota,
                                                .log_access = config.log.access});
        const std::string address = next.bind.to_string();
        left_over.erase(address);
        const auto sockets = opened.find(address);
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            if (sockets == opened.end()) {
                workers_[i]->reroute(address, route);
            } else {
                workers_[i]->listen(address, std::move(sockets->second[i]), route);
            }
        }
        next_listeners.emplace(next.name, Listener{next, std::move(counts), std::move(quota)});
    }
    for (const auto& [name, listener] : listeners_) {
        const bool goes_on = std::ranges::any_of(next_listeners, [&](const auto& entry) {
            return entry.second.quota == listener.quota;
        });
        if (!goes_on) left_[name] = {listener.counts, listener.quota};
    }
    std::erase_if(left_, [&](const auto& entry) {
        return next_listeners.contains(entry.first) || entry.second.quota->live() == 0;
    });
    std::erase_if(closing_, [](const auto& entry) { return entry.second.expired(); });
    for (const std::string& address : left_over) {
        remove_socket_file(address);
        const auto open = std::make_shared<int>();
        closing_.emplace(conf::Endpoint::parse(address)->port, open);
        for (const auto& worker : workers_) worker->unlisten(address, open);
    }
    listeners_ = std::move(next_listeners);
}

}  // namespace ringway::proxy
