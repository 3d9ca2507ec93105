// The text of the state file: run-time overrides as JSON. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "conf/result.h"
#include "proxy/control/overrides.h"

namespace ringway::proxy {

// One JSON object: {"version": 1, "servers": [{"pool": ..., "id": ..., "registered":
// {"address": ..., "weight": ...}, "unregistered": true, "by_hand": "drain", "weight": ...,
// "address": ...}, ...]}, where a server has only those entries that say something. One
// server a line.
std::string state_text(const Overrides& overrides);

// The line of one server.
std::string state_line(const std::string& pool, const std::string& id,
                       const ServerOverrides& overrides);

// The text of lines that `line_of` gives, a server each.
template <class LineOf>
std::string state_text_of_lines(const Overrides& overrides, LineOf line_of) {
    std::string text = "{\"version\": 1, \"servers\": [";
    std::string_view separator = "\n";
    for (const auto& [pool, servers] : overrides) {
        for (const auto& [id, of_server] : servers) {
            text += std::exchange(separator, ",\n");
            text += line_of(pool, id, of_server);
        }
    }
    return text + "\n]}\n";
}

// The overrides of such a text. Fails with its first error and the place.
Result<Overrides> parse_state(std::string_view text);

}  // namespace ringway::proxy
