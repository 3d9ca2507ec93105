// One command to the admin socket and its answer. Blocks for at most its timeout; any thread.
#pragma once

#include <chrono>
#include <string>

#include "conf/result.h"

namespace ringway::ringctl {

// Sends `line` to the socket at `path`; the answer, without its newline. Fails if the proxy cannot
// be reached. `timeout` is for the whole exchange.
Result<std::string> ask(const std::string& path, const std::string& line,
                        std::chrono::milliseconds timeout);

}  // namespace ringway::ringctl
