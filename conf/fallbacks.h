// The pools that connections go on to where a pool has no server for them. Internal to conf/.
#pragma once

#include <vector>

#include "conf/config.h"
#include "conf/parse.h"
#include "conf/section.h"

namespace ringway::conf {

// Reports fallbacks that are no pool, and those whose chain does not end, each cycle once.
// `section` has `pools`, in this order.
void check_fallbacks(Section& section, const std::vector<Pool>& pools,
                     const ListenerChecks& checks);

}  // namespace ringway::conf
