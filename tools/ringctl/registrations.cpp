#include "tools/ringctl/registrations.h"

#include <istream>
#include <ostream>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "proxy/text/admin_line.h"

namespace ringway::ringctl {

namespace {

// The admin socket accepts lines of 64 KiB.
constexpr std::size_t max_command_bytes = 60 << 10;
constexpr std::string_view fleet = "--fleet";

using Words = std::vector<std::string>;

// The arguments that a line adds to a command; nothing for a line without a server.
Result<Words> words_of(const std::string& line) {
    if (line.find_first_not_of(" \t\r") == std::string::npos || line.starts_with('#')) {
        return Words{};
    }
    auto split = proxy::split_admin_line(line);
    if (!split) return Reason(split.error().message);
    auto words = std::move(*split);
    if (words.size() < 2 || words.size() > 3) {
        return Reason(fmt::format("a line must be ID ADDRESS [WEIGHT], not {} word{}", words.size(),
                                  words.size() == 1 ? "" : "s"));
    }
    if (words.size() == 3) words.insert(words.end() - 1, "--weight");
    return words;
}

std::string lines_of(const RegisterCommand& command) {
    if (command.first_line == command.last_line) return fmt::format("line {}", command.first_line);
    return fmt::format("lines {} to {}", command.first_line, command.last_line);
}

}  // namespace

Result<std::vector<RegisterCommand>> read_registrations(const std::string& pool, std::istream& in,
                                                        std::size_t max_line_bytes,
                                                        bool for_fleet) {
    const Words begin{"register", pool};
    const std::size_t room = max_line_bytes - (for_fleet ? fleet.size() + 1 : 0);
    std::vector<RegisterCommand> commands;
    std::size_t bytes = 0;
    std::size_t number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        auto words = words_of(line);
        if (!words) return Reason(fmt::format("line {}: {}", number, words.error().text));
        if (words->empty()) continue;
        const std::size_t more = proxy::join_admin_line(*words).size() + 1;
        if (commands.empty() || bytes + more > room) {
            commands.push_back({.words = begin, .first_line = number});
            bytes = proxy::join_admin_line(begin).size();
        }
        RegisterCommand& command = commands.back();
        bytes += more;
        ++command.servers;
        command.last_line = number;
        for (std::string& word : *words) command.words.push_back(std::move(word));
    }
    for (RegisterCommand& command : commands) {
        if (for_fleet) command.words.emplace_back(fleet);
    }
    if (in.bad()) return Reason("the input cannot be read");
    if (commands.empty()) return Reason("the input names no server");
    return commands;
}

ExitCode register_lines(const Request& request, std::istream& in, std::ostream& out,
                        std::ostream& err) {
    const auto commands =
        read_registrations(request.words[1], in, max_command_bytes, request.words.back() == fleet);
    if (!commands) {
        err << "ringctl: " << commands.error().text << "; nothing was registered\n";
        return exit_usage;
    }
    std::size_t registered = 0;
    for (const RegisterCommand& command : *commands) {
        Request part = request;
        part.words = command.words;
        const ExitCode code = ask_once(part, out, err);
        if (code != exit_done) {
            if (commands->size() > 1) {
                err << fmt::format("ringctl: {} servers were registered before; {} failed\n",
                                   registered, lines_of(command));
            }
            return code;
        }
        registered += command.servers;
    }
    return exit_done;
}

}  // namespace ringway::ringctl
