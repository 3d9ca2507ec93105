// What a change of listeners does to the connections that they have: for each route, where those
// went before that take it now, and the reverse. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "conf/config.h"
#include "proxy/control/pools.h"

namespace ringway::proxy {

// Connections of a listener that stays which are placed by other keys or in another pool.
struct ListenerPlan {
    std::string name;
    std::string route;  // what they show, as "sni db.example.com"; "all" if there is one route
    double moved;       // 0 to 1: of these connections, those that would go elsewhere
    std::string why;
};

// A name of a route stands for its connections, as do one address, port and protocol. Connections
// that no route took before move from nowhere and are left out.
std::vector<ListenerPlan> plan_routes(const conf::Listener& before, const Rings& rings_before,
                                      const conf::Listener& after, const Rings& rings_after);

}  // namespace ringway::proxy
