#include "proxy/control/overrides.h"

#include <fmt/format.h>

namespace ringway::proxy {

FileServers servers_of(const conf::Pool& pool) {
    FileServers servers;
    for (const conf::Server& server : pool.servers) servers.emplace(server.id, server);
    return servers;
}

void settle(PoolOverrides& overrides, const FileServers& file) {
    for (auto& [id, of_server] : overrides) {
        if (file.contains(id)) {
            of_server.registered.reset();
        } else {
            of_server.unregistered = false;
            if (!of_server.registered) of_server = ServerOverrides{};
        }
    }
    std::erase_if(overrides, [](const auto& entry) { return entry.second.is_nothing(); });
}

namespace {

// A check of another port goes to that port of the new address; a check of another machine
// stays where it is.
void move_to(DesiredServer& desired, const conf::Endpoint& address) {
    if (desired.check_address) {
        conf::Endpoint same_port = desired.address;
        same_port.port = desired.check_address->port;
        if (same_port == *desired.check_address) {
            const std::uint16_t port = desired.check_address->port;
            desired.check_address.reset();
            if (!address.is_unix) {
                desired.check_address = address;
                desired.check_address->port = port;
            }
        }
    }
    desired.address = address;
}

}  // namespace

std::optional<DesiredServer> desired_server(const conf::Server* file,
                                            const ServerOverrides* overrides) {
    std::optional<DesiredServer> desired;
    if (file != nullptr) {
        desired = DesiredServer{.address = file->address,
                                .weight = file->weight,
                                .max_connections = file->max_connections,
                                .check_address = file->check_address};
    }
    if (overrides == nullptr) return desired;
    if (overrides->unregistered) return std::nullopt;
    if (overrides->registered) {
        if (!desired) desired = DesiredServer{.address = overrides->registered->address};
        desired->source = DesiredServer::Source::runtime;
        desired->weight = overrides->registered->weight;
        move_to(*desired, overrides->registered->address);
    }
    if (!desired) return desired;
    desired->admin_state = overrides->admin_state;
    if (overrides->weight) desired->weight = *overrides->weight;
    if (overrides->address) move_to(*desired, *overrides->address);
    return desired;
}

std::map<std::string, DesiredServer, std::less<>> desired_servers(const FileServers& file,
                                                                  const PoolOverrides& overrides) {
    std::map<std::string, DesiredServer, std::less<>> all;
    const auto add = [&](const std::string& id, const conf::Server* in_file,
                         const ServerOverrides* of_server) {
        if (auto desired = desired_server(in_file, of_server)) all.emplace(id, std::move(*desired));
    };
    for (const auto& [id, server] : file) {
        const auto found = overrides.find(id);
        add(id, &server, found == overrides.end() ? nullptr : &found->second);
    }
    for (const auto& [id, of_server] : overrides) {
        if (!file.contains(id)) add(id, nullptr, &of_server);
    }
    return all;
}

std::vector<std::string> notes(const std::string& pool, const FileServers& file,
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
