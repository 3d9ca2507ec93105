// What people say of servers at run time, by the admin socket.
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "proxy/base/presentable.h"
#include "proxy/control/pools.h"

namespace ringway::proxy {

Pools::Refusal Pools::register_servers(std::string_view pool,
                                       const std::vector<Registration>& servers) {
    const Pool* const to = find(pool);
    if (to == nullptr) return fmt::format("no pool {}", pool);
    OverridesOfServers overrides;
    std::set<std::string_view> ids;
    for (const Registration& server : servers) {
        if (to->servers.contains(server.id)) {
            return fmt::format("pool {} has a server {} already", pool, server.id);
        }
        if (!ids.insert(server.id).second) {
            return fmt::format("server {} is named more than once", server.id);
        }
        if (!is_presentable(server.id)) return "a server's id is UTF-8 without control characters";
        if (server.id.empty() || server.id.size() > ring::Limits::id_bytes) {
            return fmt::format("a server's id has 1 to {} bytes, not {}", ring::Limits::id_bytes,
                               server.id.size());
        }
        if (server.weight > ring::Limits::weight) {
            return fmt::format("server {}: weight {} is more than {}", server.id, server.weight,
                               ring::Limits::weight);
        }
        overrides.push_back(
            {server.id,
             {.registered = ServerOverrides::Registration{server.address, server.weight}}});
    }
    if (auto refusal = override_servers(pool, overrides)) return refusal;
    for (const Registration& server : servers) {
        spdlog::info("pool {}: server {} registered at {}", pool, server.id,
                     server.address.to_string());
        events_.add(Event::Kind::registered, pool, server.id, "at " + server.address.to_string());
    }
    return std::nullopt;
}

Pools::Refusal Pools::register_server(std::string_view pool, std::string_view id,
                                      const conf::Endpoint& address, std::uint32_t weight) {
    return register_servers(pool, {{std::string(id), address, weight}});
}

Pools::Refusal Pools::unregister_server(std::string_view pool, std::string_view id) {
    if (auto refusal = needs_server(pool, id)) return refusal;
    const bool in_file = find(pool)->in_file.contains(id);
    if (auto refusal = override_servers(pool, id, {.unregistered = in_file})) return refusal;
    spdlog::info("pool {}: server {} unregistered", pool, id);
    events_.add(Event::Kind::unregistered, pool, id, "");
    return std::nullopt;
}

Pools::Refusal Pools::set_admin_state(std::string_view pool, std::string_view id,
                                      AdminState admin_state) {
    if (auto refusal = needs_server(pool, id)) return refusal;
    ServerOverrides next = overrides_of_server(pool, id);
    next.admin_state = admin_state;
    return override_and_log(pool, id, next, "is", to_string(admin_state));
}

// Log and events have it in words: that the server `verb` `what` by hand.
Pools::Refusal Pools::override_and_log(std::string_view pool, std::string_view id,
                                       const ServerOverrides& next, std::string_view verb,
                                       const std::string& what) {
    if (auto refusal = override_servers(pool, id, next)) return refusal;
    spdlog::info("pool {}: server {} {} {} by hand", pool, id, verb, what);
    events_.add(Event::Kind::admin_state, pool, id, what);
    return std::nullopt;
}

Pools::Refusal Pools::set_weight(std::string_view pool, std::string_view id, std::uint32_t weight) {
    if (auto refusal = needs_server(pool, id)) return refusal;
    if (weight > ring::Limits::weight) {
        return fmt::format("weight {} is more than {}", weight, ring::Limits::weight);
    }
    ServerOverrides next = overrides_of_server(pool, id);
    if (next.registered) {
        next.registered->weight = weight;
    } else {
        next.weight = weight;
    }
    return override_and_log(pool, id, next, "has", fmt::format("weight {}", weight));
}

Pools::Refusal Pools::set_address(std::string_view pool, std::string_view id,
                                  const conf::Endpoint& address) {
    if (auto refusal = needs_server(pool, id)) return refusal;
    ServerOverrides next = overrides_of_server(pool, id);
    if (next.registered) {
        next.registered->address = address;
    } else {
        next.address = address;
    }
    return override_and_log(pool, id, next, "has", "address " + address.to_string());
}

Pools::Refusal Pools::forget(std::string_view pool, std::string_view id) {
    const bool is_there = find(pool) != nullptr;
    if (overrides_of_server(pool, id).is_nothing()) {
        if (!is_there) return fmt::format("no pool {}", pool);
        return fmt::format("pool {}: nothing was said of a server {} at run time", pool, id);
    }
    if (!is_there) {
        put(pool, id, {});
    } else if (auto refusal = override_servers(pool, id, {})) {
        return refusal;
    }
    spdlog::info("pool {}: what was said of server {} at run time is forgotten", pool, id);
    events_.add(Event::Kind::forgotten, pool, id, "");
    return std::nullopt;
}

Pools::Refusal Pools::clear(std::string_view pool_name, std::string_view id) {
    if (auto refusal = needs_server(pool_name, id)) return refusal;
    Pool& pool = pools_.find(pool_name)->second;
    PoolServer& server = pool.servers.find(id)->second;
    if (server.passive) server.passive->clear();
    checker_.remove_target(server.target);
    check(pool, server, true);
    publisher_.publish(pool.settings.name);
    spdlog::info("pool {}: what is known of server {} is cleared", pool_name, id);
    events_.add(Event::Kind::admin_state, pool_name, id, "cleared");
    return std::nullopt;
}

}  // namespace ringway::proxy
