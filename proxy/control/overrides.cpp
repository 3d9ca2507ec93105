#include "proxy/control/overrides.h"

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
            if (!of_server.registered) of_server = Said{};
        }
    }
    std::erase_if(said, [](const auto& entry) { return entry.second.is_nothing(); });
}

namespace {

// A check of another port goes to that port of the new address; a check of another machine
// stays where it is.
void move_to(Wish& wish, const conf::Endpoint& address) {
    if (wish.check_address) {
        conf::Endpoint same_port = wish.address;
        same_port.port = wish.check_address->port;
        if (same_port == *wish.check_address) {
            const std::uint16_t port = wish.check_address->port;
            wish.check_address.reset();
            if (!address.is_unix) {
                wish.check_address = address;
                wish.check_address->port = port;
            }
        }
    }
    wish.address = address;
}

}  // namespace

std::optional<Wish> wish_of(const conf::Server* file, const Said* said) {
    std::optional<Wish> wish;
    if (file != nullptr) {
        wish = Wish{.address = file->address,
                    .weight = file->weight,
                    .max_connections = file->max_connections,
                    .check_address = file->check_address};
    }
    if (said == nullptr) return wish;
    if (said->unregistered) return std::nullopt;
    if (said->registered) {
        if (!wish) wish = Wish{.address = said->registered->address};
        wish->source = Wish::Source::runtime;
        wish->weight = said->registered->weight;
        move_to(*wish, said->registered->address);
    }
    if (!wish) return wish;
    wish->by_hand = said->by_hand;
    if (said->weight) wish->weight = *said->weight;
    if (said->address) move_to(*wish, *said->address);
    return wish;
}

std::map<std::string, Wish, std::less<>> wishes(const FileServers& file, const SaidOfPool& said) {
    std::map<std::string, Wish, std::less<>> all;
    const auto add = [&](const std::string& id, const conf::Server* in_file,
                         const Said* of_server) {
        if (auto wish = wish_of(in_file, of_server)) all.emplace(id, std::move(*wish));
    };
    for (const auto& [id, server] : file) {
        const auto found = said.find(id);
        add(id, &server, found == said.end() ? nullptr : &found->second);
    }
    for (const auto& [id, of_server] : said) {
        if (!file.contains(id)) add(id, nullptr, &of_server);
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
