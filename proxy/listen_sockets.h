// Listening sockets: one per worker and address, so that the kernel spreads the
// connections (SO_REUSEPORT, socket(7)).
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "conf/config.h"
#include "proxy/fd.h"

namespace ringway::proxy {

// `count` sockets that listen on `address`, or why not, for people.
//
// SO_REUSEPORT would let a second Ringway of the same user share the port without
// a word. With `exclusive` a socket without it is bound first, so that anybody
// who listens there already is an error.
std::variant<std::vector<Fd>, std::string> open_listen_sockets(const conf::Endpoint& address,
                                                               std::size_t count, bool exclusive);

}  // namespace ringway::proxy
