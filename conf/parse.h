// The repeated parts of the file, each parsed on its own: by parse(), and by the watch that judges
// them while the file is read. Internal to conf/.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/config.h"
#include "conf/limits.h"
#include "conf/section.h"

namespace ringway::conf {

constexpr std::size_t listeners_max = 4'096;
constexpr std::size_t pools_max = 4'096;

// Of a pool that is `checked` or not.
Server read_server(const Value& value, Unique& ids, bool checked);
Pool read_pool(const Value& key, const Value& value);

// The addresses that listeners have, and where.
class Binds {
public:
    struct Bind {
        Endpoint address;
        Position position;
    };
    // Reports the entry `bind` of `section` where an address of it and one before cannot both have
    // clients.
    void check(const Section& section, const Listener& listener);
    // The first that overlaps `address`; null for none.
    const Bind* overlapping(const Endpoint& address) const;

private:
    bool check_one(const Section& section, const Endpoint& bind);

    // Addresses of different groups (by port or path) never overlap.
    std::map<std::string, std::vector<Bind>> groups_;
};

// Rules between listeners, and between listeners and pools.
struct ListenerChecks {
    Unique names{"the name"};
    Binds binds;
    bool pools_known = false;
    std::vector<std::string_view> pools;  // sorted

    // That there is no pool of this name; nothing where there is, or where that is not known.
    std::optional<std::string> why_no_pool(const std::string& name, const Section& section) const;
};
Listener read_listener(const Value& value, ListenerChecks& checks);

// As conf::parse; also returns the number of bytes that yaml-cpp was given.
Result<Config, Errors> parse(std::string_view yaml, std::size_t& bytes_read);

}  // namespace ringway::conf
