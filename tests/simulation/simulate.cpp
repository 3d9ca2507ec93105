// Runs random histories against the control side (tests/simulation/simulation.h), and prints
// the shortest history that breaks a law.
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <boost/program_options.hpp>

#include "proxy/admin/commands.h"
#include "tests/simulation/shrink.h"
#include "tests/simulation/simulation.h"

namespace {

using namespace ringway::simulation;
namespace options = boost::program_options;

Outcome run(const History& history, const Options& settings) {
    Simulation simulation(history, settings);
    try {
        simulation.run();
        return {std::nullopt, simulation.done()};
    } catch (const Violation& violation) {
        return {violation, simulation.done()};
    } catch (const std::exception& error) {
        return {Violation{"throws", error.what()}, simulation.done()};
    }
}

int report(const History& history, const Options& settings, bool shrinks) {
    const History shortest =
        shrinks ? shrink(history, [&](const History& each) { return run(each, settings); })
                : history;
    Options traced = settings;
    traced.trace = true;
    const Outcome outcome = run(shortest, traced);
    fmt::print(
        "\nlaw \"{}\" is broken: {}\nby this history; put it into tests/simulation/histories "
        "to keep it:\n\n{}\n",
        outcome.violation ? outcome.violation->law : "none, when run again",
        outcome.violation ? outcome.violation->what : "", to_text(shortest));
    return 1;
}

// A folder in memory that only this process uses.
std::string own_folder() {
    const std::string base = std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp";
    return fmt::format("{}/ringway-simulation-{}", base, ::getpid());
}

std::chrono::nanoseconds monotonic_time() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// Printed with each result: --seed repeats it.
std::uint64_t seed_of(const options::variables_map& given) {
    std::uint32_t chance = 0;
    if (given.contains("seed")) return given["seed"].as<std::uint64_t>();
    if (::getentropy(&chance, sizeof chance) != 0) return 1;
    return chance;
}

// 1 where a command of the admin socket was never given.
int check_commands(const std::set<std::string>& given) {
    int result = 0;
    for (const std::string_view name : ringway::proxy::command_names()) {
        if (given.contains(std::string(name))) continue;
        fmt::print("no event gives the command {}\n", name);
        result = 1;
    }
    return result;
}

int run_many(const options::variables_map& given, Options settings) {
    const auto seed = seed_of(given);
    const auto histories = given["histories"].as<std::uint64_t>();
    const std::chrono::seconds limit(given["seconds"].as<std::uint64_t>());
    const auto events = given["events"].as<std::size_t>();
    const auto began = monotonic_time();
    std::set<std::string> commands;
    settings.commands = &commands;
    std::uint64_t all = 0;
    std::uint64_t run_histories = 0;
    while (limit.count() > 0 ? monotonic_time() - began < limit : run_histories < histories) {
        const History history = make_history(seed + run_histories++, events);
        const Outcome outcome = run(history, settings);
        all += outcome.events;
        if (!outcome.violation) continue;
        fmt::print("seed {} breaks law \"{}\" with its event {}: {}\n", history.seed,
                   outcome.violation->law, outcome.events, outcome.violation->what);
        std::fflush(stdout);
        return report(history, settings, true);
    }
    const double took = std::chrono::duration<double>(monotonic_time() - began).count();
    fmt::print("{} histories from seed {}, {} events in {:.1f} s, {:.0f} a second: no law broken\n",
               run_histories, seed, all, took, static_cast<double>(all) / took);
    return given.contains("all-commands") ? check_commands(commands) : 0;
}

int simulate(const options::variables_map& given, const Options& settings) {
    if (given.contains("replay")) {
        std::ifstream in(given["replay"].as<std::string>());
        const auto history = parse_history(std::string{std::istreambuf_iterator<char>(in), {}});
        if (!history) {
            fmt::print(stderr, "simulate: this is not a history\n");
            return 2;
        }
        const Outcome outcome = run(*history, settings);
        if (outcome.violation) return report(*history, settings, given.contains("shrink"));
        fmt::print("{} events, no law broken\n", outcome.events);
        return 0;
    }
    return run_many(given, settings);
}

}  // namespace

int main(int argc, char** argv) {
    options::options_description description("Options");
    description.add_options()                                                           //
        ("histories", options::value<std::uint64_t>()->default_value(100), "how many")  //
        ("seconds", options::value<std::uint64_t>()->default_value(0),
         "as many as fit into so many seconds instead")                                  //
        ("events", options::value<std::size_t>()->default_value(300), "events of each")  //
        ("seed", options::value<std::uint64_t>(),
         "of the first; rises by one; by chance where it is not given")  //
        ("ask-every", options::value<std::size_t>()->default_value(1),
         "events between two rounds of questions")                                          //
        ("replay", options::value<std::string>()->value_name("FILE"), "runs this history")  //
        ("shrink", "with --replay: makes it as short as it can be")                         //
        ("all-commands", "fails unless every command of the admin socket was given")        //
        ("trace", "prints every event")                                                     //
        ("help,h", "prints this and exits");
    try {
        options::variables_map given;
        options::store(options::parse_command_line(argc, argv, description), given);
        options::notify(given);
        if (given.contains("help")) {
            std::cout << description;
            return 0;
        }
        const Options settings{.folder = own_folder(),
                               .ask_every = given["ask-every"].as<std::size_t>(),
                               .trace = given.contains("trace")};
        const int code = simulate(given, settings);
        std::filesystem::remove_all(settings.folder);
        return code;
    } catch (const options::error& error) {
        fmt::print(stderr, "simulate: {}\n", error.what());
        return 2;
    }
}
