// Escapes bytes of clients for terminals and logs. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace ringway::proxy {

// Printable ASCII unchanged, quotes and backslashes escaped; all other bytes as \xNN.
std::string escaped(std::string_view bytes);

}  // namespace ringway::proxy
