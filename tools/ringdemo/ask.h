// A demo client: one connection per key, and the server that answered. Blocks; one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <iosfwd>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "conf/result.h"

namespace ringway::ringdemo {

struct AskOptions {
    boost::asio::ip::tcp::endpoint where;
    std::size_t keys = 300;
    std::string prefix = "user-";              // of the keys, which are prefix1, prefix2, ...
    std::chrono::milliseconds timeout{5'000};  // of one connection
    std::string save;                          // file for the servers that answered; empty for none
    std::string compare;                       // file of an earlier round; empty for none
};

// Prints the number of keys per server, then what has moved since the earlier
// round. False where a key had no answer, or moved between two servers that
// answered in both rounds. Fails for files that cannot be used.
Result<bool> ask(const AskOptions& options, std::ostream& out);

}  // namespace ringway::ringdemo
