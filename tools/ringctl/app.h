// ringctl as a function of its arguments and surroundings, so that tests can
// call it without a process of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace ringway::ringctl {

struct Surroundings {
    std::string socket;     // the admin socket where no option names one
    bool colours = false;   // standard output is a terminal with colours
    bool terminal = false;  // standard output is one
    bool utf8 = false;      // and shows UTF-8
    std::function<std::size_t()> rows = [] { return std::size_t{0}; };  // 0 if not known
    // Makes Ctrl-C a normal end; called before a command that runs until Ctrl-C.
    std::function<void()> allow_interrupt = [] {};
    // Waits before such a command is repeated; false to end it.
    std::function<bool(std::chrono::milliseconds)> pause = [](auto) { return false; };
    std::istream* in = nullptr;  // standard input; null for none
};

enum ExitCode : int {
    exit_done = 0,
    exit_refused = 1,
    exit_usage = 2,
    exit_unreachable = 3,
    exit_unwritten = 4,  // done, but not all of the answer could be written
};

// `arguments` comes without the program's name.
ExitCode run(const std::vector<std::string>& arguments, const Surroundings& surroundings,
             std::ostream& out, std::ostream& err);

}  // namespace ringway::ringctl
