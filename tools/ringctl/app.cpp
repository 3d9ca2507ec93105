#include "tools/ringctl/app.h"

#include <chrono>
#include <filesystem>
#include <ostream>

#include <boost/json/parse.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/variables_map.hpp>

#include "proxy/version.h"
#include "proxy/words.h"
#include "tools/ringctl/client.h"
#include "tools/ringctl/commands.h"
#include "tools/ringctl/render.h"

namespace ringway::ringctl {

namespace {

namespace json = boost::json;
namespace po = boost::program_options;

constexpr double max_timeout_seconds = 86'400;

struct Call {
    std::string socket;
    std::chrono::milliseconds timeout{10'000};
    bool json = false;
    bool help = false;
    bool version = false;
    std::vector<std::string> words;  // the command and what follows it
};

// Our own options may stand anywhere; all else belongs to the command.
Call parse(const std::vector<std::string>& arguments, const Surroundings& surroundings) {
    Call call;
    double seconds = 10;
    po::options_description options;
    options.add_options()                                                        //
        ("socket", po::value(&call.socket)->default_value(surroundings.socket))  //
        ("timeout", po::value(&seconds))                                         //
        ("json", po::bool_switch(&call.json))                                    //
        ("version", po::bool_switch(&call.version))                              //
        ("help,h", po::bool_switch(&call.help));
    namespace style = po::command_line_style;
    const auto parsed = po::command_line_parser(arguments)
                            .options(options)
                            .style(style::unix_style & ~style::allow_guessing)
                            .allow_unregistered()
                            .run();
    po::variables_map values;
    po::store(parsed, values);
    po::notify(values);
    if (!(seconds > 0 && seconds <= max_timeout_seconds)) {
        throw po::error("--timeout takes seconds, more than 0 and at most 86400");
    }
    call.timeout =
        std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
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

ExitCode show(const Call& call, const std::string& line, bool colours, std::ostream& out,
              std::ostream& err) {
    json::parse_options lenient;
    lenient.allow_invalid_utf8 = true;  // a key may hold any bytes
    json::error_code error;
    const json::value answer = json::parse(line, error, {}, lenient);
    const json::value* ok = nullptr;
    if (!error && answer.is_object()) ok = answer.get_object().if_contains("ok");
    if (!ok || !ok->is_bool()) {
        err << "ringctl: " << call.socket << ": this is not how ringway answers\n";
        return exit_unreachable;
    }
    if (call.json) {
        out << line << '\n';
    } else if (ok->get_bool()) {
        out << render(call.words.front(), answer.get_object(), colours);
    }
    if (ok->get_bool()) return exit_done;
    err << "ringctl: " << render_error(answer.get_object());
    return exit_refused;
}

}  // namespace

ExitCode run(const std::vector<std::string>& arguments, const Surroundings& surroundings,
             std::ostream& out, std::ostream& err) {
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
    if (call.help) return help(call.words, out, err);
    if (call.words.empty()) return usage_error("a command is needed", err);
    if (call.words.front() == "help") {
        return help({call.words.begin() + 1, call.words.end()}, out, err);
    }
    if (const Command* command = find_command(call.words.front())) {
        const std::size_t given = call.words.size() - 1;
        if (given < command->min_words || given > command->max_words) {
            err << usage_line(*command);
            return exit_usage;
        }
    }
    // The proxy reads it, and works in another directory.
    if (call.words.front() == "plan" && call.words.size() > 1) {
        call.words[1] = std::filesystem::absolute(call.words[1]).string();
    }
    try {
        const std::string line = proxy::join_words(call.words);
        return show(call, ask(call.socket, line, call.timeout), surroundings.colours, out, err);
    } catch (const ClientError& error) {
        err << "ringctl: " << error.what() << '\n';
        return exit_unreachable;
    }
}

}  // namespace ringway::ringctl
