// What the rings would be under another configuration, without a change to any.
#include <algorithm>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "proxy/control/pools.h"

namespace ringway::proxy {

namespace {

// A ring of so many points is edited in one or two milliseconds (tools/ringbench).
constexpr std::uint64_t small_points = 1 << 18;

}  // namespace

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
        if (!overrides_.contains(next.name)) continue;
        const FileServers file = servers_of(next);
        PoolOverrides overrides = overrides_of(next.name);
        settle(overrides, file);
        const auto wanted = desired_servers(file, overrides);
        std::uint64_t weights = 0;
        for (const auto& [id, desired] : wanted) weights += desired.weight;
        if (const auto refusal = ring_refusal(next.hash, wanted.size(), weights)) {
            return fmt::format("pool {}: with what was said at run time it has {}", next.name,
                               *refusal);
        }
    }
    return std::nullopt;
}

Rings Pools::rings() const {
    Rings rings;
    for (const auto& [name, pool] : pools_) rings.emplace(name, pool.ring->snapshot());
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
        if (!overrides_.contains(next.name)) continue;
        for (std::string& line : notes(next.name, servers_of(next), overrides_of(next.name))) {
            lines.push_back(std::move(line));
        }
    }
    for (const auto& [pool, servers] : overrides_) {
        if (named.contains(pool)) continue;
        lines.push_back(fmt::format(
            "pool {}: what was said of {} servers at run time counts for nothing without it", pool,
            servers.size()));
    }
    return lines;
}

std::uint64_t Pool::online() const {
    const auto serving = ring->snapshot();
    return static_cast<std::uint64_t>(
        std::ranges::count_if(serving->members(), [&](const ring::Member& member) {
            return member.status == ring::Status::online && servers.contains(member.id);
        }));
}

void Pools::when_published(const std::string* pool, std::function<void()> then) {
    publisher_.when_published(pool, std::move(then));
}

bool Pools::is_small(std::string_view pool) const {
    const Pool* const of = find(pool);
    if (of == nullptr) return true;
    std::uint64_t weights = 0;
    for (const auto& [id, server] : of->servers) weights += server.weight;
    const bool maglev = of->settings.hash.algorithm == conf::HashSettings::Algorithm::maglev;
    return (maglev ? of->servers.size() : weights) * of->settings.hash.vnodes <= small_points;
}

}  // namespace ringway::proxy
