// The local end of a connection to a server, for dials and checks alike. Any thread.
#pragma once

#include <string>

#include "conf/config.h"

namespace ringway::health {

// Has `socket` connect from the address of `source`; 0, or the errno: EADDRNOTAVAIL where
// this machine does not have that address. Only the address is bound: connect(2) chooses the
// port, since it knows the other end and so may share one among servers (ip(7),
// IP_BIND_ADDRESS_NO_PORT).
int bind_source(int socket, const conf::Endpoint& source);

// The source of connections to `server`, if the settings name one for its family.
const conf::Endpoint* source_for(const conf::ConnectSettings& settings,
                                 const conf::Endpoint& server);

// "10.0.0.5", without the port that a source does not have.
std::string address_text(const conf::Endpoint& source);

// Whether `socket` is connected to its own address and port. So ends a connect to a port of
// this machine that nobody listens on, where the kernel happens to choose that very port for
// its own end (a simultaneous open, RFC 9293, section 3.5).
bool is_connected_to_itself(int socket);

}  // namespace ringway::health
