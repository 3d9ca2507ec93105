// The entries of a configuration as texts, by their paths: what differences are made of. Pure;
// values.
#pragma once

#include <map>
#include <string>

#include "conf/config.h"

namespace ringway::conf {

// The value that is compared, and what is shown where two differ.
struct Entry {
    std::string value;
    std::string shown_as;  // instead of the value; empty for the value itself
    bool needs_restart = false;

    const std::string& shown() const { return shown_as.empty() ? value : shown_as; }
};

// The entries of one listener, pool or server by their paths in it. Defaults are written out; an
// absent entry without a default is left out.
using Entries = std::map<std::string, Entry>;

Entries entries_of(const Listener& listener);
Entries entries_of(const Server& server);
// But for its servers.
Entries entries_of(const Pool& pool);
// But for its listeners and pools.
Entries entries_of(const Config& config);

}  // namespace ringway::conf
