// A demo server: answers every line that it receives with its own id. One
// thread, until SIGTERM or SIGINT.
#pragma once

#include <string>

#include <boost/asio/ip/tcp.hpp>

namespace ringway::ringdemo {

// Prints its address once it listens, with the chosen port if `where` has port 0. Throws if it
// cannot listen.
void serve(const std::string& id, const boost::asio::ip::tcp::endpoint& where);

}  // namespace ringway::ringdemo
