// `register POOL -`: many servers from lines of text, in as few commands as the admin
// socket's limit on a line allows. Any thread.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

#include "conf/result.h"
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
// or begin with `#` are skipped. Each command ends with --fleet if `for_fleet`. Fails with an error
// and the number of its line.
Result<std::vector<RegisterCommand>> read_registrations(const std::string& pool, std::istream& in,
                                                        std::size_t max_line_bytes,
                                                        bool for_fleet = false);

// Registers all servers of `in`, which is read to its end first. Stops at the first command that is
// refused, and reports what has been registered.
ExitCode register_lines(const Request& request, std::istream& in, std::ostream& out,
                        std::ostream& err);

}  // namespace ringway::ringctl
