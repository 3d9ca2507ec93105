// The result of a parser of a client's first bytes. All parsers are pure and have one form: all
// bytes received so far in, a status out. The bytes only grow between calls, and a status other
// than `more` is final, so the result does not depend on how they were cut into segments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringway::proxy {

enum class ParseStatus : std::uint8_t {
    more,       // cannot tell yet
    found,      // the key is there
    missing,    // well formed, and without the key
    malformed,  // not this parser's protocol, or malformed
    not_tls,    // does not begin as a TLS client does
};

// `value` as the key, or missing.
inline ParseStatus keep(std::optional<std::string_view> value, std::string& key) {
    if (!value) return ParseStatus::missing;
    key = *value;
    return ParseStatus::found;
}

}  // namespace ringway::proxy
