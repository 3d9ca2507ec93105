#include <clocale>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "proxy/text/standard_streams.h"
#include "tools/ringctl/app.h"

namespace {

// Set and not empty; an empty NO_COLOR means nothing (https://no-color.org).
const char* environment(const char* name) {
    const char* value = std::getenv(name);
    return value && *value ? value : nullptr;
}

bool wants_colours() {
    const char* term = environment("TERM");
    return !environment("NO_COLOR") && term && std::string_view(term) != "dumb";
}

std::size_t terminal_rows() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

// Ctrl-C is the normal end of a repeated command: no error.
void allow_interrupt() {
    std::signal(SIGINT, [](int) { ::_exit(0); });
}

bool wait_a_while(std::chrono::milliseconds time) {
    std::this_thread::sleep_for(time);
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace ringway::ringctl;
    ringway::proxy::hold_standard_streams();
    std::setlocale(LC_CTYPE, "");
    const char* socket = environment("RINGWAY_SOCKET");
    const bool terminal = ::isatty(STDOUT_FILENO) != 0;
    const ExitCode code = run(std::vector<std::string>(argv + 1, argv + argc),
                              {.socket = socket ? socket : "/run/ringway/admin.sock",
                               .colours = terminal && wants_colours(),
                               .terminal = terminal,
                               .utf8 = std::string_view(::nl_langinfo(CODESET)) == "UTF-8",
                               .rows = terminal_rows,
                               .allow_interrupt = allow_interrupt,
                               .pause = wait_a_while,
                               .in = &std::cin},
                              std::cout, std::cerr);
    const auto written = ringway::proxy::finish_output();
    if (!written) std::cerr << "ringctl: " << written.error().text << '\n';
    return !written && code == exit_done ? exit_unwritten : code;
}
