// The entries of TLS. conf/section.h documents the calls.
#pragma once

#include "conf/config.h"
#include "conf/section.h"

namespace ringway::conf {

void read_listener_tls(Section& section, ListenerTls& tls);

// One of a listener's certificates. `chains` knows the files of those before it.
TlsCertificate read_certificate(const Value& value, Unique& chains);

}  // namespace ringway::conf
