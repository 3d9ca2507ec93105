#include "proxy/overrides.h"

#include <fmt/format.h>

namespace ringway::proxy {

FileServers servers_of(const conf::Pool& pool) {
    FileServers servers;
    for (const conf::Server& server : pool.servers) servers.emplace(server.id, server);
    return servers;
}

void settle(SaidOfPool& said, const FileServers& file) {
    for (auto& [id, of_server] : said) {
        if (file.contains(id)) {
            of_server.registered.reset();
        } else {
            of_server.unregistered = false;
            if (!of_server.registered) of_server.by_hand = Override::automatic;
        }
    }
    std::erase_if(said, [](const auto& entry) { return entry.second.is_nothing(); });
}

std::map<std::string, Wish, std::less<>> wishes(const FileServers& file, const SaidOfPool& said) {
    std::map<std::string, Wish, std::less<>> all;
    for (const auto& [id, server] : file) {
        all[id] = {.address = server.address,
                   .weight = server.weight,
                   .max_connections = server.max_connections,
                   .check_address = server.check_address};
    }
    for (const auto& [id, of_server] : said) {
        if (of_server.unregistered) {
            all.erase(id);
            continue;
        }
        if (of_server.registered) {
            all[id] = {.address = of_server.registered->address,
                       .weight = of_server.registered->weight,
                       .source = Wish::Source::runtime};
        }
        if (const auto wish = all.find(id); wish != all.end()) {
            wish->second.by_hand = of_server.by_hand;
        }
    }
    return all;
}

std::vector<std::string> notes(const std::string& pool, const FileServers& file,
                               const SaidOfPool& said) {
    std::vector<std::string> lines;
    for (const auto& [id, of_server] : said) {
        if (!file.contains(id)) continue;
        if (of_server.unregistered) {
            lines.push_back(fmt::format(
                "pool {}: server {} stays away: it was unregistered at run time", pool, id));
        }
        if (of_server.registered) {
            lines.push_back(fmt::format(
                "pool {}: server {} is the file's now: its registration is dropped", pool, id));
        }
    }
    return lines;
}

}  // namespace ringway::proxy
