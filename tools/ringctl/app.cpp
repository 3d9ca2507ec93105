#include "tools/ringctl/app.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <ostream>
#include <span>
#include <sstream>
#include <string_view>
#include <utility>

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/variables_map.hpp>

#include "proxy/text/admin_line.h"
#include "proxy/version.h"
#include "tools/ringctl/commands.h"
#include "tools/ringctl/completion.h"
#include "tools/ringctl/registrations.h"
#include "tools/ringctl/repeat.h"
#include "tools/ringctl/top.h"

namespace ringway::ringctl {

namespace {

namespace po = boost::program_options;
using std::chrono::milliseconds;

constexpr double max_seconds = 86'400;

struct Call {
    std::string socket;
    milliseconds timeout{10'000};
    std::optional<milliseconds> watch;  // the time between two answers
    std::string color = "auto";
    bool json = false;
    bool help = false;
    bool version = false;
    std::vector<std::string> words;  // the command and its arguments
};

milliseconds time_of(const char* option, double seconds) {
    if (!(seconds > 0 && seconds <= max_seconds)) {
        throw po::error(std::string(option) + " takes seconds, more than 0 and at most 86400");
    }
    return std::chrono::ceil<milliseconds>(std::chrono::duration<double>(seconds));
}

// `--watch 5` as `--watch=5`, and without a number, with which no command begins, as
// `--watch=1`.
std::vector<std::string> with_joined_watch(const std::vector<std::string>& arguments) {
    std::vector<std::string> joined;
    bool is_ours = true;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        is_ours = is_ours && arguments[i] != "--";
        joined.push_back(arguments[i]);
        if (!is_ours || arguments[i] != "--watch") continue;
        const std::string_view next =
            i + 1 < arguments.size() ? std::string_view(arguments[i + 1]) : "";
        const bool has_number =
            !next.empty() && next.find_first_not_of("0123456789.") == std::string_view::npos;
        joined.back() += has_number ? "=" + arguments[++i] : "=1";
    }
    return joined;
}

// ringctl's own options may stand anywhere; all others belong to the command.
Call parse(const std::vector<std::string>& arguments, const Surroundings& surroundings) {
    Call call;
    double timeout = 10;
    double watch = 1;
    po::options_description options;
    options.add_options()                                                        //
        ("socket", po::value(&call.socket)->default_value(surroundings.socket))  //
        ("timeout", po::value(&timeout))                                         //
        ("watch", po::value(&watch))                                             //
        ("color", po::value(&call.color))                                        //
        ("json", po::bool_switch(&call.json))                                    //
        ("version", po::bool_switch(&call.version))                              //
        ("help,h", po::bool_switch(&call.help));
    namespace style = po::command_line_style;
    const auto parsed = po::command_line_parser(with_joined_watch(arguments))
                            .options(options)
                            .style(style::unix_style & ~style::allow_guessing)
                            .allow_unregistered()
                            .run();
    po::variables_map values;
    po::store(parsed, values);
    po::notify(values);
    call.timeout = time_of("--timeout", timeout);
    if (values.contains("watch")) call.watch = time_of("--watch", watch);
    if (call.color != "auto" && call.color != "always" && call.color != "never") {
        throw po::error("--color takes auto, always or never");
    }
    call.words = po::collect_unrecognized(parsed.options, po::include_positional);
    return call;
}

ExitCode usage_error(std::string_view what, std::ostream& err) {
    err << "ringctl: " << what << "\n`ringctl help` shows how it is used\n";
    return exit_usage;
}

ExitCode help(const std::vector<std::string>& topics, std::ostream& out, std::ostream& err) {
    if (topics.empty()) {
        out << help_text();
        return exit_done;
    }
    for (const std::string& topic : topics) {
        const Command* command = find_command(topic);
        if (!command) return usage_error("no such command: " + proxy::printable(topic), err);
        out << help_text(*command);
    }
    return exit_done;
}

ExitCode print_completion(const std::string& shell, std::ostream& out, std::ostream& err) {
    const std::string_view script = completion_script(shell);
    if (script.empty()) return usage_error("there is completion for bash and zsh", err);
    out << script;
    return exit_done;
}

// Puts --fleet, which may stand anywhere behind the command, where the proxy expects it.
bool move_fleet_to_end(std::vector<std::string>& words) {
    if (std::erase(words, "--fleet") == 0) return false;
    words.emplace_back("--fleet");
    return true;
}

Request request_of(const Call& call, const Surroundings& surroundings) {
    const bool colours =
        call.color == "auto" ? surroundings.colours : call.color == std::string_view("always");
    Request request{.socket = call.socket,
                    .timeout = call.timeout,
                    .words = call.words,
                    .json = call.json,
                    .colours = colours,
                    .utf8 = surroundings.utf8};
    // The proxy has another working directory.
    std::error_code error;
    if (request.words.front() == "plan" && request.words.size() >= 2) {
        const auto path = std::filesystem::absolute(request.words[1], error);
        if (!error) request.words[1] = path.string();
    }
    return request;
}

ExitCode run_command(Call call, const Surroundings& surroundings, std::ostream& out,
                     std::ostream& err) {
    const std::string name = call.words.front();
    const Command* command = find_command(name);
    bool from_input = false;
    if (command) {
        const bool for_fleet = may_be_for_fleet(*command) && move_fleet_to_end(call.words);
        const std::size_t given = call.words.size() - (for_fleet ? 2 : 1);
        from_input = name == "register" && given == 2 && call.words[2] == "-";
        if (!from_input && (given < command->min_words || given > command->max_words)) {
            err << usage_line(*command);
            return exit_usage;
        }
    }
    if (call.watch && (!command || command->kind != Command::Kind::looks)) {
        return usage_error("--watch repeats only what looks and changes nothing", err);
    }
    if (name == "completion") return print_completion(call.words[1], out, err);
    Request request = request_of(call, surroundings);
    if (from_input) {
        std::istringstream none;
        return register_lines(request, surroundings.in ? *surroundings.in : none, out, err);
    }
    if (name == "top") return top(request, surroundings, err);
    if (name == "events" && std::erase(request.words, "--follow") > 0) {
        if (call.watch) return usage_error("--follow and --watch exclude each other", err);
        return follow_events(request, surroundings, out, err);
    }
    if (call.watch) return watch(request, *call.watch, surroundings, out);
    return ask_once(request, out, err);
}

}  // namespace

ExitCode run(const std::vector<std::string>& arguments, const Surroundings& surroundings,
             std::ostream& out, std::ostream& err) {
    if (!arguments.empty() && arguments.front() == "complete") {
        run_complete(std::span(arguments).subspan(1), surroundings.socket, out);
        return exit_done;
    }
    Call call;
    try {
        call = parse(arguments, surroundings);
    } catch (const po::error& error) {
        return usage_error(error.what(), err);
    }
    if (call.version) {
        out << "ringctl " << proxy::version << '\n';
        return exit_done;
    }
    if (call.words.empty()) {
        return call.help ? help({}, out, err) : usage_error("a command is needed", err);
    }
    if (call.words.front() == "help")
        return help({call.words.begin() + 1, call.words.end()}, out, err);
    if (call.help) return help({call.words.front()}, out, err);
    return run_command(std::move(call), surroundings, out, err);
}

}  // namespace ringway::ringctl
