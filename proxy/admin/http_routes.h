// Parses the target of a request to the HTTP endpoint. Pure; any thread.
//
// Paths and queries are percent-decoded strictly, after they were split, so that a pool, an id or a
// key may be any bytes; a plus is a plus. A path with parameters refuses unknown ones; a path
// without parameters ignores its query, since balancers and browsers add queries against caches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "conf/result.h"

namespace ringway::proxy {

enum class HttpPage : std::uint8_t {
    file,  // of the status page
    metrics,
    health,
    readiness,
    status,
    servers,
    server,
    explain,
    ring,
    events,
    certificates,
    fleet,
};

// A valid question; what it names may still not exist.
struct HttpQuestion {
    HttpPage page = HttpPage::file;
    std::string file;       // its path
    std::string pool;       // bytes
    std::string server;     // bytes
    std::string key;        // bytes
    std::size_t count = 0;  // of events, 0 for all
};

struct HttpRefusal {
    unsigned status = 0;  // 400 or 404
    std::string reason;   // printable
};

Result<HttpQuestion, HttpRefusal> route_http(std::string_view target);

}  // namespace ringway::proxy
