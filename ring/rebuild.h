// The points after a change of members, from the points before it. Internal to the
// library. Pure; any thread.
#pragma once

#include "ring/batch.h"
#include "ring/points.h"
#include "ring/snapshot.h"
#include "ring/types.h"

namespace ringway::ring {

Placement empty_placement(Algorithm algorithm);

struct Rebuilt {
    Placement placement;
    PositionsById parked;  // points of servers that went offline
};

// `parked` holds points of servers that are offline in `base`, so that they need not
// be computed again; it may lack any. Under Maglev, sets the members' points.
Rebuilt rebuild(const Snapshot& base, Membership& next, const PositionsById& parked);

}  // namespace ringway::ring
