// Why a TLS stream has failed, as the end of its connection.
#pragma once

#include "proxy/data/close_reason.h"
#include "proxy/net/stream.h"

namespace ringway::proxy {

CloseReason tls_end(const Stream& client);
CloseReason server_tls_end(const Stream& server);

}  // namespace ringway::proxy
