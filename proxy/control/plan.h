// What a change of the configuration would do: which entries change, and for each pool
// the exact share of its keys that would move, from whom to whom. Pure; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "conf/config.h"
#include "conf/difference.h"
#include "proxy/control/plan_routes.h"
#include "proxy/control/pools.h"
#include "ring/analysis.h"

namespace ringway::proxy {

// One pool before and after. A ring is nullptr where there is no such pool.
struct PoolPlan {
    std::string name;
    std::shared_ptr<const ring::Snapshot> before;
    std::shared_ptr<const ring::Snapshot> after;
    ring::KeyMoves keys;  // of a pool that stays
};

struct Plan {
    std::vector<conf::Difference> changes;
    std::vector<ListenerPlan> listeners;
    std::vector<PoolPlan> pools;
};

// `rings` are those of the pools of each, as far as they are there.
Plan make_plan(const conf::Config& before, const Rings& rings_before, const conf::Config& after,
               const Rings& rings_after);

// The rings of all pools, with every server online.
Rings rings_of(const conf::Config& config);

// {"changes": [{"path", "before", "after"}], "listeners": [{"listener", "route", "moved", "why"}],
//  "pools": [{"pool", "state": "new"|"stays"|"removed", "moved", "comparable", "moves":
//  [{"from", "to", "share"}], "moves_left_out", "servers": [{"id", "before", "after"}],
//  "before": {"servers", "online", "peak_to_average", "least_to_average"}, "after": {...}}]}
// Shares are 0 to 1; whatever is not there is null. The `moves_max` largest moves are listed.
constexpr std::size_t moves_max = 100'000;
boost::json::object to_json(const Plan& plan);

// A share as somebody writes it, "10%" or "2.5%": 0 to 1.
std::optional<double> parse_share(std::string_view text);

// What would move more than `max_moved` of its keys, a line each.
std::vector<std::string> beyond(const Plan& plan, double max_moved);

}  // namespace ringway::proxy
