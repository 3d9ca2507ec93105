// What comes from elsewhere into the layers: the servers of DNS and etcd, the addresses of hosts,
// the words of the fleet.
#include <algorithm>
#include <utility>

#include "proxy/control/ring_state.h"
#include "proxy/control/server_layers.h"

namespace ringway::proxy {

namespace {

// But for where the file has them.
bool same(const conf::Server& a, const conf::Server& b) {
    return a.address == b.address && a.weight == b.weight &&
           a.max_connections == b.max_connections && a.check_address == b.check_address;
}

// What is taken in has what it replaces afterwards, so that taking it in again undoes it.
void swap_into(NamedServers& named, NamedChanges& changes) {
    for (auto& [id, server] : changes) {
        auto next = std::exchange(server, std::nullopt);
        if (const auto found = named.find(id); found != named.end()) {
            server = std::move(found->second);
            named.erase(found);
        }
        if (next) named.emplace(id, std::move(*next));
    }
}

}  // namespace

// What `mutate` makes of these servers, as far as it makes anything of them.
ServerLayers::ChangesByPool ServerLayers::change(const IdsByPool& ids,
                                                 const std::function<void()>& mutate) const {
    std::vector<std::optional<DesiredServer>> before;
    const auto for_each = [&](const auto& visit) {
        for (const auto& [pool, of_pool] : ids) {
            const auto layers = pools_.find(pool);
            if (layers == pools_.end()) continue;
            for (const std::string& id : of_pool)
                visit(pool, id, desired(pool, layers->second, id));
        }
    };
    for_each([&](const auto&, const auto&, auto now) { before.push_back(std::move(now)); });
    mutate();
    ChangesByPool all;
    auto now = before.begin();
    for_each([&](const std::string& pool, const std::string& id, auto then) {
        const auto& was = *now++;
        if (was == then) return;
        if (all.empty() || all.back().first != pool) all.emplace_back(pool, Changes{});
        all.back().second.push_back({id, !was, std::move(then), was ? was->weight : 0});
    });
    return all;
}

Result<ServerLayers::Changes> ServerLayers::change_named(std::string_view pool, ServerSource source,
                                                         NamedChanges named_changes) {
    PoolLayers& layers = pools_.find(pool)->second;
    NamedServers& named = layers.of(source);
    IdsByPool ids;
    for (const auto& [id, server] : named_changes) ids[std::string(pool)].insert(id);
    auto all = change(ids, [&] { swap_into(named, named_changes); });
    Changes changes = all.empty() ? Changes{} : std::move(all.front().second);
    std::uint64_t count = layers.servers;
    std::uint64_t weights = layers.weights;
    for (const Change& each : changes) {
        count += static_cast<std::uint64_t>(each.is_new);
        count -= static_cast<std::uint64_t>(!each.desired);
        weights += (each.desired ? each.desired->weight : 0ULL) - each.weight_before;
    }
    auto& misfit = layers.misfits[static_cast<std::size_t>(source)];
    if (const auto fits = check_ring_size(layers.hash, count, weights); !fits) {
        swap_into(named, named_changes);
        const Reason why = misfit_of(pool, fits.error());
        misfit = why.text;
        return why;
    }
    misfit.reset();
    layers.servers = count;
    layers.weights = weights;
    return changes;
}

NamedChanges changes_between(const NamedServers& before, const NamedServers& after) {
    NamedChanges changes;
    for (const auto& [id, server] : before) {
        if (!after.contains(id)) changes.emplace(id, std::nullopt);
    }
    for (const auto& [id, server] : after) {
        const auto found = before.find(id);
        if (found == before.end() || !same(found->second, server)) changes.emplace(id, server);
    }
    return changes;
}

// The servers of which `a` says something that `b` does not.
void ServerLayers::add_differing(const Overrides& a, const Overrides& b, IdsByPool& ids) {
    for (const auto& [pool, servers] : a) {
        const auto other = b.find(pool);
        for (const auto& [id, word] : servers) {
            if (other != b.end()) {
                const auto found = other->second.find(id);
                if (found != other->second.end() && found->second == word) continue;
            }
            ids[pool].insert(id);
        }
    }
}

ServerLayers::ChangesByPool ServerLayers::set_fleet(Overrides words) {
    IdsByPool ids;
    add_differing(fleet_, words, ids);
    add_differing(words, fleet_, ids);
    return change(ids, [&] { fleet_ = std::move(words); });
}

ServerLayers::ChangesByPool ServerLayers::set_hosts(const HostChanges& changes) {
    IdsByPool ids;
    for (const auto& [name, layers] : pools_) {
        for_each_host(name, layers, [&, &pool = name](const std::string& id, const auto& host) {
            if (changes.contains(host)) ids[pool].insert(id);
        });
    }
    return change(ids, [&] {
        for (const auto& [host, address] : changes) {
            hosts_.erase(host);
            if (address) hosts_.emplace(host, *address);
        }
    });
}

std::set<std::string> ServerLayers::hosts(const conf::Config* next) const {
    std::set<std::string> all;
    for (const auto& [name, layers] : pools_) {
        for_each_host(name, layers, [&all](const auto&, const auto& host) { all.insert(host); });
    }
    if (next == nullptr) return all;
    for (const conf::Pool& pool : next->pools) {
        for (const conf::Server& server : pool.servers) {
            if (!server.address.host.empty()) all.insert(server.address.host);
        }
    }
    return all;
}

// Of whatever any layer says, which one above it may replace: its address is at hand then.
template <class Visit>
void ServerLayers::for_each_host(std::string_view pool, const PoolLayers& layers,
                                 Visit visit) const {
    for (const NamedServers& named : layers.named) {
        for (const auto& [id, server] : named) {
            if (!server.address.host.empty()) visit(id, server.address.host);
        }
    }
    const auto overrides = overrides_.find(pool);
    if (overrides == overrides_.end()) return;
    for (const auto& [id, of_server] : overrides->second) {
        const auto& address =
            of_server.registered ? std::optional(of_server.registered->address) : of_server.address;
        if (address && !address->host.empty()) visit(id, address->host);
    }
}

const NamedServers& ServerLayers::named(std::string_view pool, ServerSource source) const {
    return pools_.find(pool)->second.of(source);
}

std::optional<std::string> ServerLayers::misfit(std::string_view pool, ServerSource source) const {
    return pools_.find(pool)->second.misfits[static_cast<std::size_t>(source)];
}

bool ServerLayers::is_named(const PoolLayers& layers, std::string_view id) {
    return std::ranges::any_of(layers.named,
                               [&](const NamedServers& named) { return named.contains(id); });
}

}  // namespace ringway::proxy
