// Arbitrary bytes as text for JSON, metrics and people. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace ringway::proxy {

// Whether `text` is UTF-8 without control characters.
bool is_presentable(std::string_view text);

// `text` itself if it is presentable; else printable ASCII, the rest as \xNN.
std::string presentable(std::string_view text);

// Any bytes as a JSON string with its quotes (RFC 8259, section 7): UTF-8 unchanged, controls
// escaped, and U+FFFD for each invalid byte.
std::string json_string(std::string_view bytes);

}  // namespace ringway::proxy
