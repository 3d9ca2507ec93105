// Files of unix sockets that listen. Any thread.
#pragma once

#include <optional>
#include <string>

namespace ringway::proxy {

// Removes a socket file that nobody listens on any more; why `path` cannot be
// listened on, where that is so.
std::optional<std::string> clear_socket_file(const std::string& path);

}  // namespace ringway::proxy
