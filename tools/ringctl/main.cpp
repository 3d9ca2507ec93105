#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <unistd.h>

#include "tools/ringctl/app.h"

namespace {

// Set and not empty; an empty NO_COLOR means nothing (https://no-color.org).
const char* environment(const char* name) {
    const char* value = std::getenv(name);
    return value && *value ? value : nullptr;
}

bool terminal_wants_colours() {
    const char* term = environment("TERM");
    return ::isatty(STDOUT_FILENO) && !environment("NO_COLOR") && term &&
           std::string(term) != "dumb";
}

}  // namespace

int main(int argc, char** argv) {
    using namespace ringway::ringctl;
    const char* socket = environment("RINGWAY_SOCKET");
    return run(std::vector<std::string>(argv + 1, argv + argc),
               {.socket = socket ? socket : "/run/ringway/admin.sock",
                .colours = terminal_wants_colours()},
               std::cout, std::cerr);
}
