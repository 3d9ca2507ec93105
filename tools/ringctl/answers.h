// One command and the proxy's answer, with the fields that all answers share. Blocks for at most
// its timeout; any thread.
#pragma once

#include <chrono>
#include <span>
#include <string>

#include <boost/json/object.hpp>

#include "conf/result.h"

namespace ringway::ringctl {

struct Answer {
    std::string line;  // as it came
    boost::json::object fields;
    bool ok = false;
};

// Fails if the proxy cannot be reached, or the answer is not one of ringway.
Result<Answer> fetch(const std::string& socket, std::span<const std::string> words,
                     std::chrono::milliseconds timeout);

}  // namespace ringway::ringctl
