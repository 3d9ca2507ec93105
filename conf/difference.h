// What differs between two configurations, entry by entry. Pure; values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conf/config.h"

namespace ringway::conf {

// One entry that differs. Listeners and servers are matched by name and id, so their order is no
// difference. A listener, pool or server that is added or removed is one entry, shown by its most
// important values. Secrets are not shown.
struct Difference {
    std::string path;                   // "pools.redis.hash.vnodes", "pools.redis.servers.a"
    std::optional<std::string> before;  // absent: the entry is new
    std::optional<std::string> after;   // absent: the entry is removed
    bool needs_restart = false;         // the entry cannot change while running
    bool operator==(const Difference&) const = default;
};

// "+ path: after", "- path: before" or "~ path: before -> after".
std::string to_string(const Difference& difference);

// Listeners first, then pools, then the rest; by path among these.
std::vector<Difference> difference(const Config& before, const Config& after);

// Of these, the rest: the entries of the process itself. Cheap, however many servers there are.
std::vector<Difference> process_difference(const Config& before, const Config& after);

// All entries of a configuration but the name of its replica, a line each: equal texts are equal
// settings.
std::string all_entries(const Config& config);

}  // namespace ringway::conf
