// Commands that go on until somebody ends them: `--watch` and `events --follow`.
#pragma once

#include <chrono>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "tools/ringctl/app.h"

namespace ringway::ringctl {

// What is asked of whom, and how the answer is to look.
struct Request {
    std::string socket;
    std::chrono::milliseconds timeout{10'000};
    std::vector<std::string> words;
    bool json = false;
    bool colours = false;
    bool utf8 = false;
};

// Asks once. What is to be read goes to `out`, complaints to `err`.
ExitCode ask_once(const Request& request, std::ostream& out, std::ostream& err);

// Asks every `interval` until `pause` says that it is enough. On a terminal the screen is
// drawn anew, elsewhere one answer follows the other. A proxy that goes away is waited for.
ExitCode watch(const Request& request, std::chrono::milliseconds interval,
               const Surroundings& surroundings, std::ostream& out);

// `words` are "events" and perhaps a number; then every new event as it comes.
ExitCode follow_events(const Request& request, const Surroundings& surroundings, std::ostream& out,
                       std::ostream& err);

}  // namespace ringway::ringctl
