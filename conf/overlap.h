// Addresses to listen on, compared as Linux compares them: an IPv6 address that maps an
// IPv4 one is that one, and [::] takes the clients of both families (the proxy clears
// IPV6_V6ONLY). Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "conf/config.h"

namespace ringway::conf {

// An IPv6 address that maps an IPv4 one (RFC 4291, 2.5.5.2) becomes that one, so
// that a client has one key whichever socket it came through; others stay.
Endpoint unmapped(Endpoint endpoint);

// Whether binding one fails while the other is bound, where not both have SO_REUSEPORT.
bool overlap(const Endpoint& a, const Endpoint& b);

// Whether one of two addresses that overlap, both listened on, gets no client. The kernel
// prefers the more specific address, and IPv4 to IPv6; where two are alike it chooses one,
// by the order in which they were opened.
bool shadow(const Endpoint& a, const Endpoint& b);

// Why no client can connect to an address; nothing if one can.
std::optional<std::string_view> why_not_listened_on(const Endpoint& endpoint);

// An absolute path without empty parts and "."; ".." stays, since links may precede it.
std::string plain_path(std::string_view path);

}  // namespace ringway::conf
