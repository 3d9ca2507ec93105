// Bytes as JSON, metrics and people can take them. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace ringway::proxy {

// Whether `text` is UTF-8 without control characters.
bool is_presentable(std::string_view text);

// `text` itself where it is that; else printable ASCII, the rest as \xNN.
std::string presentable(std::string_view text);

// Any bytes as a JSON string with its quotes (RFC 8259, section 7): UTF-8 as it is, but
// for controls, and U+FFFD in place of each byte that is none.
std::string json_string(std::string_view bytes);

}  // namespace ringway::proxy
