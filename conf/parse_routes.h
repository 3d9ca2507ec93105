// The entry `routes` of a listener, and the entries `pool` and `key` in its place.
#pragma once

#include "conf/config.h"
#include "conf/key.h"
#include "conf/parse.h"
#include "conf/section.h"

namespace ringway::conf {

// `section` is the listener's, whose other entries are in `listener` already.
void read_routes(Section& section, Listener& listener, const KeyNeighbours& neighbours,
                 const ListenerChecks& checks);

// One entry of `routes`, apart from the listener that it belongs to.
ListenerRoute read_route(const Value& value);

}  // namespace ringway::conf
