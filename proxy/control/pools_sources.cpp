// What DNS, etcd and the fleet change of pools, on its way through them.
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "proxy/control/pools.h"
#include "proxy/text/escape.h"

namespace ringway::proxy {

namespace {

// More at once are one event and one line.
constexpr std::size_t told_one_by_one = 16;

}  // namespace

// Before they are taken up: what servers leave is known now.
void Pools::tell_of(const std::string& name, ServerSource source,
                    const ServerLayers::Changes& changes) {
    const Pool& pool = pools_.find(name)->second;
    std::size_t added = 0;
    std::size_t removed = 0;
    const bool each_alone = changes.size() <= told_one_by_one;
    for (const ServerLayers::Change& change : changes) {
        added += static_cast<std::size_t>(change.is_new);
        removed += static_cast<std::size_t>(!change.desired);
        if (!each_alone) continue;
        const PoolServer* const server = pool.find(change.id);
        const std::string at = !change.desired ? ""
                               : change.desired->awaits_address()
                                   ? "at " + change.desired->host
                                   : "at " + change.desired->address.to_string();
        auto kind = Event::Kind::moved;
        if (change.is_new) kind = Event::Kind::registered;
        if (!change.desired) kind = Event::Kind::unregistered;
        const bool stays_put = server != nullptr && change.desired &&
                               server->desired.address == change.desired->address;
        const std::string text =
            fmt::format("by {}{}{}", to_string(source), at.empty() ? "" : ", ",
                        stays_put ? fmt::format("weight {}", change.desired->weight) : at);
        if (stays_put) kind = Event::Kind::membership;
        spdlog::info("pool {}: server {} {} {}", name, escaped(change.id), to_string(kind), text);
        events_.add(kind, name, change.id, text);
    }
    if (each_alone) return;
    const std::string text =
        fmt::format("by {}: {} servers added, {} removed, {} changed", to_string(source), added,
                    removed, changes.size() - added - removed);
    spdlog::info("pool {}: {}", name, text);
    events_.add(Event::Kind::membership, name, "", text);
}

// A pool that is not there takes up what was changed when it comes.
void Pools::take_up(ServerSource source, const ServerLayers::ChangesByPool& changes) {
    for (const auto& [pool, of_pool] : changes) {
        if (!pools_.contains(pool)) continue;
        tell_of(pool, source, of_pool);
        std::ignore = take_up(pool, of_pool);
    }
}

Result<void> Pools::change_named(const std::string& pool, ServerSource source,
                                 NamedChanges changes) {
    if (!pools_.contains(pool)) return {};
    auto changed = layers_.change_named(pool, source, std::move(changes));
    if (!changed) return changed.error();
    if (!changed->empty()) take_up(source, {{pool, std::move(*changed)}});
    return {};
}

void Pools::set_hosts(const ServerLayers::HostChanges& changes) {
    take_up(ServerSource::dns, layers_.set_hosts(changes));
}

void Pools::set_fleet(Overrides words) {
    for (const auto& [pool, changes] : layers_.set_fleet(std::move(words))) {
        if (!pools_.contains(pool)) continue;
        for (const ServerLayers::Change& change : changes) {
            if (!change.desired) continue;
            const std::string text = fmt::format("{}, by the fleet's words",
                                                 health::to_string(change.desired->admin_state));
            spdlog::info("pool {}: server {} is {}", pool, escaped(change.id), text);
            events_.add(Event::Kind::admin_state, pool, change.id, text);
        }
        std::ignore = take_up(pool, changes);
    }
}

}  // namespace ringway::proxy
