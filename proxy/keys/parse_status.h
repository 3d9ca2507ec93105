// What a parser of a client's first bytes says of those that have come so far.
// Parsers are pure, and of one shape: all bytes so far in, a status out. The bytes
// only grow between calls, and a status other than `more` is the last: so it does
// not depend on how they were cut into segments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringway::proxy {

enum class ParseStatus : std::uint8_t {
    more,       // cannot tell yet
    found,      // the key is there
    missing,    // sound, and the key is not in it
    malformed,  // not what this parser reads, or broken
    not_tls,    // not what a TLS client begins with
};

// `value` as the key, or missing.
inline ParseStatus keep(std::optional<std::string_view> value, std::string& key) {
    if (!value) return ParseStatus::missing;
    key = *value;
    return ParseStatus::found;
}

}  // namespace ringway::proxy
