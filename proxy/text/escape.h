// Bytes of clients, made fit for a terminal and a log. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace ringway::proxy {

// Printable ASCII as it is, but for quotes and backslashes; the rest as \xNN, so
// that no byte of a client reaches a terminal.
std::string escaped(std::string_view bytes);

}  // namespace ringway::proxy
