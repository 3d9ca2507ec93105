// The PROXY header that a server gets before the client's bytes. Worker thread.
#pragma once

#include <string>

#include "conf/config.h"
#include "proxy/data/preread.h"

namespace ringway::proxy {

// The header for the connection that `preread` has placed, whose origin has a destination.
// `settings` asks for one.
std::string upstream_header(const conf::SendProxy& settings, const Preread& preread);

}  // namespace ringway::proxy
