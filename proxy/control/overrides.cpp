#include "proxy/control/overrides.h"

#include <fmt/format.h>

namespace ringway::proxy {

NamedServers servers_of(const conf::Pool& pool) {
    NamedServers servers;
    for (const conf::Server& server : pool.servers) servers.emplace(server.id, server);
    return servers;
}

void settle(PoolOverrides& overrides, const NamedServers& file, bool keeps_absent) {
    for (auto& [id, of_server] : overrides) {
        if (file.contains(id)) {
            of_server.registered.reset();
        } else if (!keeps_absent) {
            of_server.unregistered = false;
            if (!of_server.registered) of_server = ServerOverrides{};
        }
    }
    std::erase_if(overrides, [](const auto& entry) { return entry.second.is_nothing(); });
}

std::vector<std::string> notes(const std::string& pool, const NamedServers& file,
                               const PoolOverrides& overrides) {
    std::vector<std::string> lines;
    for (const auto& [id, of_server] : overrides) {
        if (!file.contains(id)) continue;
        if (of_server.unregistered) {
            lines.push_back(fmt::format(
                "pool {}: server {} stays removed: it was unregistered at run time", pool, id));
        }
        if (of_server.registered) {
            lines.push_back(fmt::format(
                "pool {}: server {} is in the file now: its registration is dropped", pool, id));
        }
        if (of_server.weight && *of_server.weight != file.at(id).weight) {
            lines.push_back(fmt::format("pool {}: server {} has weight {}, set at run time", pool,
                                        id, *of_server.weight));
        }
        if (of_server.address && *of_server.address != file.at(id).address) {
            lines.push_back(fmt::format("pool {}: server {} has address {}, set at run time", pool,
                                        id, of_server.address->to_string()));
        }
    }
    return lines;
}

}  // namespace ringway::proxy
