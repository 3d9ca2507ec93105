// Listening sockets: one per worker and address, so that the kernel spreads the
// connections (SO_REUSEPORT, socket(7)).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "conf/config.h"
#include "proxy/fd.h"

namespace ringway::proxy {

// `count` sockets that listen on `address`, or why not, for people.
std::variant<std::vector<Fd>, std::string> open_listen_sockets(const conf::Endpoint& address,
                                                               std::size_t count);

// Why nobody can listen on `address` alone; nothing where it is free. SO_REUSEPORT
// would let a second Ringway of the same user share a port without a word, so this
// binds a socket without it and closes it again.
std::optional<std::string> why_not_free(const conf::Endpoint& address);

}  // namespace ringway::proxy
