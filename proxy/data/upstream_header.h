// The PROXY header that a server gets before the client's bytes. Worker thread.
#pragma once

#include <string>

#include "conf/config.h"
#include "proxy/data/preread.h"
#include "proxy/net/stream.h"

namespace ringway::proxy {

// The header for the connection from `client` that `preread` has placed. `settings` asks for one.
std::string upstream_header(const conf::SendProxy& settings, const Preread& preread,
                            const Stream& client);

}  // namespace ringway::proxy
