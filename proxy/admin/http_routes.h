// What a request of the HTTP endpoint asks for, by its target. Pure; any thread.
//
// Paths and queries are percent-decoded strictly, after they were split, so that a
// pool, an id or a key may be any bytes; a plus is a plus. Where a page has parameters,
// those that it does not know are refused; where it has none, a query means nothing, as those
// that balancers and browsers add against caches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

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
};

// A question that has an answer, if what it names exists.
struct HttpQuestion {
    HttpPage page = HttpPage::file;
    std::string file;       // its path
    std::string pool;       // bytes
    std::string server;     // bytes
    std::string key;        // bytes
    std::size_t count = 0;  // of events, 0 for all
};

struct HttpRefusal {
    unsigned status;     // 400 or 404
    std::string reason;  // printable
};

std::variant<HttpQuestion, HttpRefusal> route_http(std::string_view target);

}  // namespace ringway::proxy
