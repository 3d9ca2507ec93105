// The entry `key` of a listener, in its short form, its long form and as a composite.
#pragma once

#include "conf/config.h"
#include "conf/section.h"

namespace ringway::conf {

// What a key must fit of its listener.
struct KeyNeighbours {
    bool after_proxy_header = false;  // the client's bytes come after one
    bool terminates_tls = false;      // the client's bytes are those that TLS decrypts
    Duration timeout{0};              // timeouts.key
    Position timeout_position{};      // nowhere: that is the default
};

void read_key(const Value& value, KeySettings& key, const KeyNeighbours& neighbours);

}  // namespace ringway::conf
