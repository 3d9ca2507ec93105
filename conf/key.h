// The entry `key` of a listener, in its short form, its long form and as a composite.
#pragma once

#include "conf/config.h"
#include "conf/section.h"

namespace ringway::conf {

// `after_proxy_header`: the client's bytes come after a PROXY header.
void read_key(const Value& value, KeySettings& key, bool after_proxy_header);

}  // namespace ringway::conf
