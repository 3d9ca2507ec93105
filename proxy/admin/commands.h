// The commands of the admin socket. Control thread only.
#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>

namespace ringway::proxy {

class Control;

// The answer to one line: a JSON object in a line of its own, without a newline.
// {"ok": true, ...} or {"ok": false, "error": "..."}.
boost::asio::awaitable<std::string> run_command(Control& control, std::string line);

}  // namespace ringway::proxy
