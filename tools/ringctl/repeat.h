// Commands that run until Ctrl-C: `--watch` and `events --follow`.
#pragma once

#include <chrono>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "tools/ringctl/app.h"

namespace ringway::ringctl {

// The command, the socket, and the format of the answer.
struct Request {
    std::string socket;
    std::chrono::milliseconds timeout{10'000};
    std::vector<std::string> words;
    bool json = false;
    bool colours = false;
    bool utf8 = false;
};

// Asks once. The answer is written to `out`, errors to `err`.
ExitCode ask_once(const Request& request, std::ostream& out, std::ostream& err);

// Asks every `interval` until `pause` returns false. On a terminal the screen is redrawn, elsewhere
// one answer follows the other. Waits for a proxy that is not running.
ExitCode watch(const Request& request, std::chrono::milliseconds interval,
               const Surroundings& surroundings, std::ostream& out);

// `words` are "events" and an optional number; then prints every new event.
ExitCode follow_events(const Request& request, const Surroundings& surroundings, std::ostream& out,
                       std::ostream& err);

}  // namespace ringway::ringctl
