// The entries of servers and agreements that come from elsewhere. conf/section.h documents the
// calls.
#pragma once

#include "conf/config.h"
#include "conf/section.h"

namespace ringway::conf {

// A server's address: of a host by its name, too.
bool read_server_address(Section& section, Server& server);

void read_dns(Section& section, DnsSettings& dns);

// The sources of a pool's servers. `checked`: the pool has `health`.
void read_servers_from(Section& section, ServersFrom& from, bool checked);

void read_fleet(Section& section, FleetSettings& fleet);

}  // namespace ringway::conf
