// What the rings would be under another configuration, without a change to any.
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "proxy/control/pools.h"

namespace ringway::proxy {

std::shared_ptr<const ring::Snapshot> ring_of(const conf::Pool& pool) {
    ring::Balancer balancer(ring_settings(pool.hash));
    std::vector<ring::Change> changes;
    for (const conf::Server& server : pool.servers) {
        changes.emplace_back(ring::ServerSpec{.id = server.id, .weight = server.weight});
    }
    balancer.apply(changes);
    return balancer.snapshot();
}

Rings make_rings(const std::vector<RingDraft>& drafts) {
    Rings rings;
    for (const RingDraft& draft : drafts) {
        rings.emplace(draft.pool, ring::preview(draft.base, draft.changes));
    }
    return rings;
}

// The file alone fits its rings (conf/ sees to that); with what was said at run time it may
// not.
std::optional<std::string> Pools::refusal(const conf::Config& config) const {
    for (const conf::Pool& next : config.pools) {
        if (!said_.contains(next.name)) continue;
        const FileServers file = servers_of(next);
        SaidOfPool said = said_of(next.name);
        settle(said, file);
        const auto wanted = wishes(file, said);
        std::uint64_t weights = 0;
        for (const auto& [id, wish] : wanted) weights += wish.weight;
        if (const auto refusal = ring_refusal(next.hash, wanted.size(), weights)) {
            return fmt::format("pool {}: with what was said at run time it has {}", next.name,
                               *refusal);
        }
    }
    return std::nullopt;
}

Rings Pools::rings() const {
    Rings rings;
    for (const auto& [name, pool] : pools_) rings.emplace(name, pool.balancer->snapshot());
    return rings;
}

std::vector<RingDraft> Pools::drafts_of(const conf::Config& config) const {
    std::vector<RingDraft> drafts;
    for (const conf::Pool& next : config.pools) drafts.push_back(draft_of(next));
    return drafts;
}

std::vector<std::string> Pools::notes_on(const conf::Config& config) const {
    std::vector<std::string> lines;
    std::set<std::string_view> named;
    for (const conf::Pool& next : config.pools) {
        named.insert(next.name);
        if (!said_.contains(next.name)) continue;
        for (std::string& line : notes(next.name, servers_of(next), said_of(next.name))) {
            lines.push_back(std::move(line));
        }
    }
    for (const auto& [pool, servers] : said_) {
        if (named.contains(pool)) continue;
        lines.push_back(fmt::format(
            "pool {}: what was said of {} servers at run time counts for nothing without it", pool,
            servers.size()));
    }
    return lines;
}

}  // namespace ringway::proxy
