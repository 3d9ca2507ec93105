#include "tools/ringdemo/moves.h"

#include <sstream>

namespace ringway::ringdemo {

std::map<std::string, std::size_t> keys_per_server(const Owners& owners) {
    std::map<std::string, std::size_t> counts;
    for (const auto& [key, server] : owners) ++counts[server];
    return counts;
}

Moves compare(const Owners& before, const Owners& after) {
    const auto had = keys_per_server(before);
    const auto has = keys_per_server(after);
    Moves moves;
    for (const auto& [key, from] : before) {
        const auto found = after.find(key);
        if (found == after.end() || found->second == from) continue;
        const std::string& to = found->second;
        ++moves.moved;
        ++moves.counts[{from, to}];
        if (has.contains(from) && had.contains(to)) ++moves.needless;
    }
    return moves;
}

std::string to_text(const Owners& owners) {
    std::string out;
    for (const auto& [key, server] : owners) out += key + ' ' + server + '\n';
    return out;
}

Result<Owners> from_text(std::string_view text) {
    Owners owners;
    std::istringstream lines{std::string(text)};
    std::string line;
    for (std::size_t number = 1; std::getline(lines, line); ++number) {
        const std::size_t blank = line.find(' ');
        if (blank == 0 || blank == std::string::npos || blank + 1 == line.size()) {
            return Reason("line " + std::to_string(number) +
                          ": expected a key, a blank and a server");
        }
        owners[line.substr(0, blank)] = line.substr(blank + 1);
    }
    return owners;
}

}  // namespace ringway::ringdemo
