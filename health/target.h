// One server to check. A value.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "conf/config.h"
#include "proxy/tls/client.h"

namespace ringway::health {

// `key` names it among all targets ("pool/id").
struct Target {
    std::string key;
    conf::Endpoint address;
    conf::HealthSettings settings;
    std::string preface;                     // sent before all else, if the check sends anything
    std::optional<conf::Endpoint> source{};  // the address to connect from
    bool starts_down = false;                // a new target is down until its first check succeeds
    std::shared_ptr<const proxy::TlsClient> tls{};  // nullptr: the check speaks no TLS
    std::string id{};                               // of the server, which TLS may verify
    std::string host{};                             // whose address it is, the same
    bool operator==(const Target&) const = default;
};

}  // namespace ringway::health
