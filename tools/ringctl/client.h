// One command to the admin socket and its answer. Blocks for at most its timeout; any thread.
#pragma once

#include <chrono>
#include <stdexcept>
#include <string>

namespace ringway::ringctl {

// The proxy cannot be reached; what() is the reason, for people.
class ClientError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Sends `line` to the socket at `path`; the answer, without its newline.
// `timeout` is for the whole exchange.
std::string ask(const std::string& path, const std::string& line,
                std::chrono::milliseconds timeout);

}  // namespace ringway::ringctl
