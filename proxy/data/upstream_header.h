// What a server is told of a client before the client's bytes. Worker thread.
#pragma once

#include <string>

#include "conf/config.h"
#include "proxy/base/fd.h"
#include "proxy/data/preread.h"

namespace ringway::proxy {

// The address that an accepted socket was reached at.
conf::Endpoint local_address(const Fd& socket);

// The PROXY header for the connection that `preread` has placed and `client` brought.
// `settings` asks for one.
std::string upstream_header(const conf::SendProxy& settings, const Preread& preread,
                            const Fd& client);

}  // namespace ringway::proxy
