// ringway: reads its configuration and serves until a signal ends it.

#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <variant>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/program_options.hpp>

#include "conf/config.h"
#include "proxy/access_log.h"
#include "proxy/control.h"
#include "proxy/log.h"
#include "proxy/version.h"

namespace {

using namespace ringway;
namespace options = boost::program_options;

constexpr int exit_refused = 1;  // the configuration, or a resource that it names
constexpr int exit_usage = 2;

// The configuration in `file`, or nothing after every error was printed.
std::optional<conf::Config> load(const std::string& file) {
    const auto text = conf::read_file(file);
    if (const auto* error = std::get_if<conf::Error>(&text)) {
        fmt::print(stderr, "{}\n", error->to_string(file));
        return std::nullopt;
    }
    auto parsed = conf::parse(std::get<std::string>(text));
    if (const auto* errors = std::get_if<conf::Errors>(&parsed)) {
        for (const auto& error : *errors) fmt::print(stderr, "{}\n", error.to_string(file));
        return std::nullopt;
    }
    return std::move(std::get<conf::Config>(parsed));
}

int serve(const std::string& file, conf::Config config) {
    // A write to a closed socket is an error value; splice(2) has no flag for it.
    std::signal(SIGPIPE, SIG_IGN);
    auto target = proxy::open_log_target(config.log.target);
    if (const auto* error = std::get_if<std::string>(&target)) {
        fmt::print(stderr, "ringway: {}\n", *error);
        return exit_refused;
    }
    const bool on_stderr = config.log.target == "stderr";
    proxy::LogWriter log(std::move(std::get<proxy::Fd>(target)), proxy::log_loss_line);
    proxy::start_logging(log, config.log);
    std::optional<std::string> refusal;
    {
        proxy::Control control(file, std::move(config), log);
        refusal = control.run();
    }
    if (refusal) {
        spdlog::error("{}", *refusal);
        if (!on_stderr) fmt::print(stderr, "ringway: {}\n", *refusal);
    } else {
        spdlog::info("stopped");
    }
    proxy::stop_logging();
    return refusal ? exit_refused : 0;
}

int run(int argc, char** argv) {
    options::options_description description("Options");
    description.add_options()                                                                  //
        ("config,c", options::value<std::string>()->value_name("FILE"), "configuration file")  //
        ("check", "check the configuration and exit: 0 if it is valid, 1 if not")              //
        ("version", "print the version and exit")                                              //
        ("help,h", "print this and exit");
    options::variables_map given;
    options::store(options::parse_command_line(argc, argv, description), given);
    options::notify(given);

    if (given.contains("help")) {
        std::cout << "Usage: ringway --config FILE [--check]\n\n" << description;
        return 0;
    }
    if (given.contains("version")) {
        fmt::print("ringway {}\n", proxy::version);
        return 0;
    }
    if (!given.contains("config")) {
        fmt::print(stderr, "ringway: --config FILE is needed; see --help\n");
        return exit_usage;
    }
    const auto file = given["config"].as<std::string>();
    auto config = load(file);
    if (!config) return exit_refused;
    if (given.contains("check")) {
        fmt::print("{}: valid\n", file);
        return 0;
    }
    return serve(file, std::move(*config));
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const options::error& error) {
        fmt::print(stderr, "ringway: {}\n", error.what());
        return exit_usage;
    } catch (const std::exception& error) {
        fmt::print(stderr, "ringway: {}\n", error.what());
        return exit_refused;
    }
}
