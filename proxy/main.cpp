// ringway: reads its configuration and serves until a signal ends it.

#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/json/serialize.hpp>
#include <boost/program_options.hpp>

#include "conf/result.h"
#include "proxy/admin/admin.h"
#include "proxy/base/access_log.h"
#include "proxy/base/log.h"
#include "proxy/control/config_file.h"
#include "proxy/control/control.h"
#include "proxy/control/plan.h"
#include "proxy/control/signals.h"
#include "proxy/text/plan_text.h"
#include "proxy/text/standard_streams.h"
#include "proxy/tls/secret.h"
#include "proxy/version.h"

namespace {

using namespace ringway;
namespace options = boost::program_options;

constexpr int exit_refused = 1;  // the configuration, or a resource that it names
constexpr int exit_usage = 2;
constexpr int exit_unwritten = 4;  // standard output could not be written; 3 is ringctl's

// For errors before the log is open, and for commands without a log.
void print_error(std::string_view text) {
    fmt::print(stderr, "{}{}\n", proxy::stderr_prefix(proxy::Priority::error), text);
}

void print_warning(std::string_view text) {
    fmt::print(stderr, "{}warning: {}\n", proxy::stderr_prefix(proxy::Priority::warning), text);
}

// The configuration in `file`. Every error is printed.
Result<proxy::ConfigFile, Reasons> load(const std::string& file) {
    auto loaded = proxy::load_config(file);
    const Reasons reasons = loaded.error();
    for (const auto& line : reasons.lines) print_error(line);
    return loaded;
}

int plan(const std::vector<std::string>& files, bool as_json) {
    if (files.size() != 2) {
        fmt::print(stderr, "ringway: --plan takes two files, OLD and NEW\n");
        return exit_usage;
    }
    const auto before = load(files[0]);
    const auto after = load(files[1]);
    if (!before || !after) return exit_refused;
    const auto plan = proxy::make_plan(before->config, proxy::rings_of(before->config),
                                       after->config, proxy::rings_of(after->config));
    const auto object = proxy::to_json(plan);
    fmt::print("{}", as_json ? boost::json::serialize(object) + '\n' : proxy::plan_text(object));
    return 0;
}

int serve(const std::string& file, proxy::ConfigFile loaded) {
    const conf::LogSettings& settings = loaded.config.log;
    auto target = proxy::open_log_target(settings.target);
    if (!target) {
        print_error(fmt::format("ringway: {}", target.error().text));
        return exit_refused;
    }
    const bool on_stderr = settings.target == "stderr";
    proxy::LogWriter log(std::move(*target), proxy::log_loss_line);
    proxy::start_logging(log, settings);
    Result<void> served;
    {
        for (const std::string& warning : loaded.warnings) spdlog::warn("{}", warning);
        proxy::Control control(file, std::move(loaded.config), log, std::move(loaded.fingerprint),
                               std::move(loaded.tls));
        served = proxy::serve(control);
    }
    if (served) {
        spdlog::info("stopped");
    } else {
        const std::string reason = served.error().text;
        spdlog::error("{}", reason);
        if (!on_stderr) print_error(fmt::format("ringway: {}", reason));
    }
    proxy::stop_logging();
    return served ? 0 : exit_refused;
}

// `mask` is that of the signals before they were blocked.
int run(int argc, char** argv, const sigset_t& mask) {
    options::options_description description("Options");
    description.add_options()                                                                  //
        ("config,c", options::value<std::string>()->value_name("FILE"), "configuration file")  //
        ("check", "check the configuration and exit: 0 if it is valid, 1 if not")              //
        ("plan", options::value<std::vector<std::string>>()->multitoken()->value_name("OLD NEW"),
         "what changing from one configuration to the other would do, and exit")  //
        ("json", "with --plan: as a JSON object")                                 //
        ("version", "print the version and exit")                                 //
        ("help,h", "print this and exit");
    options::variables_map given;
    options::store(options::parse_command_line(argc, argv, description), given);
    options::notify(given);
    const bool serves = !given.contains("help") && !given.contains("version") &&
                        !given.contains("plan") && !given.contains("check");
    if (!serves) proxy::restore_signals(mask);

    if (given.contains("help")) {
        std::cout << "Usage: ringway --config FILE [--check]\n       ringway --plan OLD NEW\n\n"
                  << description;
        return 0;
    }
    if (given.contains("version")) {
        fmt::print("ringway {}\n", proxy::version);
        return 0;
    }
    if (given.contains("plan")) {
        return plan(given["plan"].as<std::vector<std::string>>(), given.contains("json"));
    }
    if (!given.contains("config")) {
        fmt::print(stderr, "ringway: --config FILE is needed; see --help\n");
        return exit_usage;
    }
    const auto file = given["config"].as<std::string>();
    auto loaded = load(file);
    if (!loaded) return exit_refused;
    if (given.contains("check")) {
        for (const std::string& warning : loaded->warnings) print_warning(warning);
        fmt::print("{}: valid\n", file);
        return 0;
    }
    if (proxy::stop_is_pending()) return 0;
    proxy::ignore_signals_of_writes();
    return serve(file, std::move(*loaded));
}

}  // namespace

int main(int argc, char** argv) {
    // Before anything that takes time: a signal may arrive from the first moment on.
    const sigset_t mask = proxy::block_signals();
    proxy::hold_standard_streams();
    proxy::hold_secrets();
    try {
        const int code = run(argc, argv, mask);
        const auto written = proxy::finish_output();
        if (written || code != 0) return code;
        fmt::print(stderr, "ringway: {}\n", written.error().text);
        return exit_unwritten;
    } catch (const options::error& error) {
        fmt::print(stderr, "ringway: {}\n", error.what());
        return exit_usage;
    } catch (const std::exception& error) {
        print_error(fmt::format("ringway: {}", error.what()));
        return exit_refused;
    }
}
