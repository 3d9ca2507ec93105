// Keys from the connection request of the Remote Desktop Protocol (MS-RDPBCGR, 2.2.1.1). Pure.
#pragma once

#include <string>
#include <string_view>

#include "proxy/keys/parse_status.h"

namespace ringway::proxy {

// from: rdp_cookie: what follows "Cookie: mstshash=". A routing token, which a broker of sessions
// has given to the client, is none.
class RdpRequestParser {
public:
    static ParseStatus read(std::string_view head, std::string& key);
};

}  // namespace ringway::proxy
