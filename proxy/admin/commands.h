// The commands of the admin socket. Control thread only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace ringway::proxy {

class Control;

// The answer to one line: a JSON object in a line of its own, without a newline.
// {"ok": true, ...} or {"ok": false, "error": "..."}.
boost::asio::awaitable<std::string> run_command(Control& control, std::string line);

// The first words of lines that there are.
std::vector<std::string_view> command_names();

}  // namespace ringway::proxy
