// The value of a server's key in etcd. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "conf/config.h"
#include "conf/result.h"

namespace ringway::proxy {

// The server that a key below the prefix, its id, and its value describe:
// {"address": "10.0.0.31:6379", "weight": 2, "max_connections": 100}, where all but the address may
// be left out. `defaults` has what the pool's entry says of such servers. Fails for all else.
Result<conf::Server> parse_etcd_server(std::string_view id, std::string_view value,
                                       const conf::ServersFrom& defaults);

// The value for a server.
std::string etcd_server_text(const conf::ServerAddress& address, std::uint32_t weight);

}  // namespace ringway::proxy
