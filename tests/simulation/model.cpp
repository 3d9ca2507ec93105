#include "tests/simulation/model.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "conf/text.h"
#include "ring/types.h"

namespace ringway::simulation {
namespace {

using health::AdminState;
using proxy::PoolOverrides;
using proxy::ServerOverrides;

bool is_id(std::string_view text) {
    if (text.empty() || text.size() > ring::Limits::id_bytes || conf::has_control(text))
        return false;
    while (!text.empty()) {
        const auto character = conf::first_character(text);
        if (!character) return false;
        text.remove_prefix(character->bytes);
    }
    return true;
}

const conf::Server* named(const conf::Pool& file, std::string_view id) {
    const auto found = std::find_if(file.servers.begin(), file.servers.end(),
                                    [&](const conf::Server& server) { return server.id == id; });
    return found == file.servers.end() ? nullptr : &*found;
}

// Where the checks of a server of the file go when it is at `address`.
conf::Endpoint checked_at(const conf::Server& server, const conf::Endpoint& address) {
    if (!server.check_address) return address;
    const conf::Endpoint& check = *server.check_address;
    const conf::Endpoint& here = server.address.endpoint;
    const bool other_port = !check.is_unix && !here.is_unix && check.is_v6 == here.is_v6 &&
                            check.address == here.address;
    if (!other_port) return check;
    conf::Endpoint moved = address;
    if (!moved.is_unix) moved.port = check.port;
    return moved;
}

}  // namespace

// The file and the overrides.

Model::AllWanted Model::all_wanted(const conf::Pool& file, const PoolOverrides& overrides) {
    AllWanted all;
    for (const conf::Server& server : file.servers) {
        all[server.id] = {.address = server.address.endpoint,
                          .checked = checked_at(server, server.address.endpoint),
                          .weight = server.weight,
                          .max_connections = server.max_connections};
    }
    for (const auto& [id, over] : overrides) {
        const conf::Server* server = named(file, id);
        if (over.unregistered) all.erase(id);
        if (over.registered) {
            Wanted& wanted = all[id];
            wanted.address = over.registered->address.endpoint;
            wanted.weight = over.registered->weight;
            wanted.runtime = true;
        }
        const auto found = all.find(id);
        if (found == all.end()) continue;
        Wanted& wanted = found->second;
        wanted.weight = over.weight.value_or(wanted.weight);
        if (over.address) wanted.address = over.address->endpoint;
        wanted.admin_state = over.admin_state;
        wanted.checked = server ? checked_at(*server, wanted.address) : wanted.address;
    }
    return all;
}

Model::AllWanted Model::all_wanted(const std::string& pool) const {
    return all_wanted(pools_.at(pool).file, overrides_of(pool));
}

bool Model::fits(const conf::Pool& file, const PoolOverrides& overrides) {
    const AllWanted all = all_wanted(file, overrides);
    if (all.size() > ring::Limits::servers) return false;
    if (file.hash.algorithm == conf::HashSettings::Algorithm::maglev) return true;
    std::uint64_t points = 0;
    for (const auto& [id, wanted] : all) points += std::uint64_t{wanted.weight} * file.hash.vnodes;
    return points <= ring::Limits::points;
}

// What a file that is read leaves of the overrides of its servers.
PoolOverrides Model::settled(const conf::Pool& file, PoolOverrides overrides) {
    for (auto& [id, over] : overrides) {
        if (named(file, id)) {
            over.registered.reset();
        } else if (!over.registered) {
            over = {};
        }
    }
    return overrides;
}

PoolOverrides Model::overrides_of(const std::string& pool) const {
    const auto found = overrides_.find(pool);
    return found == overrides_.end() ? PoolOverrides{} : found->second;
}

void Model::put(const std::string& pool, PoolOverrides next) {
    std::erase_if(next, [](const auto& entry) { return entry.second.is_nothing(); });
    overrides_.erase(pool);
    if (!next.empty()) overrides_[pool] = std::move(next);
}

bool Model::fits(const conf::Config& next) const {
    return std::all_of(next.pools.begin(), next.pools.end(), [&](const conf::Pool& pool) {
        return fits(pool, settled(pool, overrides_of(pool.name)));
    });
}

void Model::reload(const conf::Config& next, TimePoint now) {
    touched_ = now;
    std::erase_if(pools_, [&](const auto& entry) {
        return std::none_of(next.pools.begin(), next.pools.end(),
                            [&](const conf::Pool& pool) { return pool.name == entry.first; });
    });
    for (const conf::Pool& pool : next.pools) take_file(pool, now);
}

void Model::restart(const conf::Config& file, TimePoint now) {
    pools_.clear();
    reload(file, now);
}

void Model::restart(const conf::Config& file, proxy::Overrides kept, TimePoint now) {
    overrides_ = std::move(kept);
    restart(file, now);
}

// Changes at run time.

bool Model::replace(const std::string& pool, const PoolOverrides& next, TimePoint now,
                    Judged judged) {
    const auto found = pools_.find(pool);
    if (found != pools_.end() && !fits(found->second.file, next)) return false;
    put(pool, next);
    touched_ = now;
    if (found != pools_.end()) adapt(pool, now, judged);
    return true;
}

bool Model::register_servers(const std::string& pool, const std::vector<Registration>& servers,
                             TimePoint now, bool ring_is_busy) {
    if (!pools_.contains(pool)) return false;
    PoolOverrides next = overrides_of(pool);
    std::set<std::string> ids;
    for (const auto& [id, address, weight] : servers) {
        if (!is_id(id) || weight > ring::Limits::weight || find(pool, id)) return false;
        if (!ids.insert(id).second) return false;
        next[id] = {.registered = ServerOverrides::Registration{address, weight}};
    }
    return replace(pool, next, now, ring_is_busy ? Judged::who_is_new : Judged::all);
}

void Model::rings_are_ready(TimePoint now) {
    for (auto& [name, pool] : pools_) {
        if (pool.waits_for_ring) judge(name, now);
    }
}

bool Model::unregister_server(const std::string& pool, const std::string& id, TimePoint now) {
    if (!find(pool, id)) return false;
    PoolOverrides next = overrides_of(pool);
    next[id] = {.unregistered = named(pools_.at(pool).file, id) != nullptr};
    return replace(pool, next, now);
}

bool Model::set_weight(const std::string& pool, const std::string& id, std::uint32_t weight,
                       TimePoint now) {
    if (!find(pool, id) || weight > ring::Limits::weight) return false;
    PoolOverrides next = overrides_of(pool);
    ServerOverrides& over = next[id];
    if (over.registered) {
        over.registered->weight = weight;
    } else {
        over.weight = weight;
    }
    return replace(pool, next, now);
}

bool Model::set_address(const std::string& pool, const std::string& id,
                        const conf::Endpoint& address, TimePoint now) {
    if (!find(pool, id)) return false;
    PoolOverrides next = overrides_of(pool);
    ServerOverrides& over = next[id];
    if (over.registered) {
        over.registered->address = address;
    } else {
        over.address = address;
    }
    return replace(pool, next, now);
}

bool Model::set_admin_state(const std::string& pool, const std::string& id, AdminState admin_state,
                            TimePoint now) {
    if (!find(pool, id)) return false;
    PoolOverrides next = overrides_of(pool);
    next[id].admin_state = admin_state;
    return replace(pool, next, now);
}

bool Model::forget(const std::string& pool, const std::string& id, TimePoint now) {
    PoolOverrides next = overrides_of(pool);
    return next.erase(id) > 0 && replace(pool, next, now);
}

bool Model::clear(const std::string& pool, const std::string& id, TimePoint now) {
    Known* known = find(pool, id);
    if (!known) return false;
    touched_ = now;
    known->rows = {};
    known->time_out.reset();
    if (known->checks) known->checks = new_checks(*known, pools_.at(pool).file, true);
    judge(pool, now);
    return true;
}

}  // namespace ringway::simulation
