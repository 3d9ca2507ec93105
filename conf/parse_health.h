// The entries of health: when a server counts as up, and what happens when it does not. One
// function a section; conf/section.h documents the calls.
#pragma once

#include "conf/config.h"
#include "conf/section.h"

namespace ringway::conf {

void read_health(Section& section, HealthSettings& health, bool pool_has_tls);
void read_passive(Section& section, PassiveSettings& passive);

// The short form is one keyword, the long form a map.
void read_leaving(const Value& value, Leaving& leaving);

// Where to check a server, of a pool that is `checked` or not.
void read_check_address(Section& section, Server& server, bool checked);

}  // namespace ringway::conf
