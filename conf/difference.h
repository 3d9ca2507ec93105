// What differs between two configurations, entry by entry. Pure; values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conf/config.h"

namespace ringway::conf {

// One entry that is not what it was. Listeners and servers go by name and id, and so
// their order is no difference. A whole listener, pool or server that comes or goes is
// one entry, told by what matters most of it. Secrets are not told.
struct Difference {
    std::string path;                   // "pools.redis.hash.vnodes", "pools.redis.servers.a"
    std::optional<std::string> before;  // absent: there was no such entry
    std::optional<std::string> after;   // absent: there is none any more
    bool operator==(const Difference&) const = default;
};

// "+ path: after", "- path: before" or "~ path: before -> after".
std::string to_string(const Difference& difference);

// Listeners first, then pools, then the rest; by path among these.
std::vector<Difference> difference(const Config& before, const Config& after);

}  // namespace ringway::conf
