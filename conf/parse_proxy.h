// The entries of the PROXY protocol, towards clients and servers. conf/section.h documents the
// calls.
#pragma once

#include "conf/config.h"
#include "conf/section.h"

namespace ringway::conf {

// What a listener requires of its clients.
void read_proxy_protocol(Section& section, ProxyProtocol& proxy, bool on_unix_socket);

// What a pool's servers get.
void read_send_proxy(Section& section, SendProxy& send);

}  // namespace ringway::conf
