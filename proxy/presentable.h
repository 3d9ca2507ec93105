// Bytes as JSON, metrics and people can take them. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace ringway::proxy {

// Whether `text` is UTF-8 without control characters.
bool is_presentable(std::string_view text);

// `text` itself where it is that; else printable ASCII, the rest as \xNN.
std::string presentable(std::string_view text);

}  // namespace ringway::proxy
