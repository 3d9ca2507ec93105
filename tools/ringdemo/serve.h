// A demo server: answers every line that it receives with its own id. One
// thread, until SIGTERM or SIGINT.
#pragma once

#include <string>

#include <boost/asio/ip/tcp.hpp>

namespace ringway::ringdemo {

// Says on standard output where it listens once it does, which tells the port
// where `where` names port 0. Throws where it cannot listen.
void serve(const std::string& id, const boost::asio::ip::tcp::endpoint& where);

}  // namespace ringway::ringdemo
