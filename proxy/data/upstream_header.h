// What a server is told of a client before the client's bytes. Worker thread.
#pragma once

#include <string>

#include "conf/config.h"
#include "proxy/base/fd.h"
#include "proxy/data/preread.h"

namespace ringway::proxy {

// The address that an accepted socket was reached at.
conf::Endpoint local_address(const Fd& socket);

// The PROXY header for the connection that `intake` has placed and `client` brought.
// `settings` asks for one.
std::string header_for_server(const conf::SendProxy& settings, const Intake& intake,
                              const Fd& client);

}  // namespace ringway::proxy
