// `register POOL -`: many servers from lines of text, in as few commands as the admin
// socket's limit on a line allows. Any thread.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <variant>
#include <vector>

#include "tools/ringctl/repeat.h"

namespace ringway::ringctl {

// One command, and the lines of the input with its servers, from 1.
struct RegisterCommand {
    std::vector<std::string> words;
    std::size_t servers = 0;
    std::size_t first_line = 0;
    std::size_t last_line = 0;
};

// Reads "ID ADDRESS [WEIGHT]" lines, of words as in proxy/text/admin_line.h. Lines that are empty
// or begin with `#` are skipped. Or an error with the number of its line.
using RegisterCommands = std::variant<std::vector<RegisterCommand>, std::string>;
RegisterCommands read_registrations(const std::string& pool, std::istream& in,
                                    std::size_t max_line_bytes);

// Registers all servers of `in`, which is read to its end first. Stops at the first command that is
// refused, and reports what has been registered.
ExitCode register_lines(const Request& request, std::istream& in, std::ostream& out,
                        std::ostream& err);

}  // namespace ringway::ringctl
