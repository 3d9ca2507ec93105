// ringctl as a function of its arguments and surroundings, so that tests can
// call it without a process of its own.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace ringway::ringctl {

struct Surroundings {
    std::string socket;    // the admin socket where no option names one
    bool colours = false;  // standard output is a terminal that wants them
};

enum ExitCode : int { exit_done = 0, exit_refused = 1, exit_usage = 2, exit_unreachable = 3 };

// `arguments` comes without the program's name.
ExitCode run(const std::vector<std::string>& arguments, const Surroundings& surroundings,
             std::ostream& out, std::ostream& err);

}  // namespace ringway::ringctl
