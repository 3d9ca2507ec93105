// One command and the proxy's answer to it, understood as far as every answer is alike.
// Blocks for the time that it is given at the most; any thread.
#pragma once

#include <chrono>
#include <span>
#include <string>

#include <boost/json/object.hpp>

#include "tools/ringctl/client.h"

namespace ringway::ringctl {

struct Answer {
    std::string line;  // as it came
    boost::json::object fields;
    bool ok = false;
};

// ClientError where the proxy cannot be talked to, or does not answer as ringway does.
Answer fetch(const std::string& socket, std::span<const std::string> words,
             std::chrono::milliseconds timeout);

}  // namespace ringway::ringctl
