// The local end of a connection to a server, for dials and checks alike. Any thread.
#pragma once

#include <string>

#include "conf/config.h"

namespace ringway::health {

// Binds `socket` to the address of `source`; 0, or the errno: EADDRNOTAVAIL if this machine does
// not have that address. Only the address is bound: connect(2) chooses the port, since it knows the
// peer and may use one port for several servers (ip(7), IP_BIND_ADDRESS_NO_PORT).
int bind_source(int socket, const conf::Endpoint& source);

// The source of connections to `server`, if the settings name one for its family.
const conf::Endpoint* source_for(const conf::ConnectSettings& settings,
                                 const conf::Endpoint& server);

// "10.0.0.5", without a port.
std::string address_text(const conf::Endpoint& source);

// Whether `socket` is connected to its own address and port. This happens on a connect to a local
// port without a listener if the kernel chooses that very port as the source (a simultaneous open,
// RFC 9293, section 3.5).
bool is_connected_to_itself(int socket);

}  // namespace ringway::health
