// Runs random histories of the data path (tests/simulation/data/simulation.h), and prints the
// shortest history that breaks a law.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>

#include <fmt/format.h>
#include <boost/program_options.hpp>

#include "tests/simulation/data/script.h"
#include "tests/simulation/data/simulation.h"
#include "tests/simulation/shrink.h"

namespace {

using namespace ringway::simulation;
namespace options = boost::program_options;

volatile std::sig_atomic_t current_seed = 0;

// An assertion of the product ends the process: the seed tells of which history.
void say_seed(int) {
    constexpr std::size_t room = 64;
    char text[room];
    const int size = std::snprintf(text, room, "simulate_data: seed %d\n", current_seed);
    static_cast<void>(::write(STDERR_FILENO, text, static_cast<std::size_t>(size)));
}

int report(const data::History& history, bool shrinks) {
    const auto run = [](const data::History& each) { return data::run(each); };
    const data::History shortest = shrinks ? shrink(history, run) : history;
    const Outcome outcome = data::run(shortest, true);
    fmt::print(
        "\nlaw \"{}\" is broken: {}\nby this history; put it into tests/simulation/data/histories "
        "to keep it:\n\n{}\n",
        outcome.violation ? outcome.violation->law : "none, when run again",
        outcome.violation ? outcome.violation->what : "", data::to_text(shortest));
    return 1;
}

int replay(const std::string& file, bool shrinks, bool traces) {
    std::ifstream in(file);
    const auto history = data::parse_history(std::string{std::istreambuf_iterator<char>(in), {}});
    if (!history) {
        fmt::print(stderr, "simulate_data: this is not a history\n");
        return 2;
    }
    const Outcome outcome = data::run(*history, traces);
    if (outcome.violation) return report(*history, shrinks);
    fmt::print("{} events, no law broken\n", outcome.events);
    return 0;
}

std::chrono::nanoseconds elapsed() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

int simulate(const options::variables_map& given) {
    if (given.contains("replay")) {
        return replay(given["replay"].as<std::string>(), given.contains("shrink"),
                      given.contains("trace"));
    }
    const auto seed = given["seed"].as<std::uint64_t>();
    const auto histories = given["histories"].as<std::uint64_t>();
    const std::chrono::seconds longest(given["seconds"].as<std::uint64_t>());
    const auto began = elapsed();
    std::uint64_t events = 0;
    std::uint64_t all = 0;
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> broken;  // first seed, times
    for (; longest.count() > 0 ? elapsed() - began < longest : all < histories; ++all) {
        current_seed = static_cast<int>(seed + all);
        const data::History history = data::make_history(seed + all);
        const Outcome outcome = data::run(history, given.contains("trace"));
        events += outcome.events;
        if (!outcome.violation) continue;
        if (given.contains("survey")) {
            broken.try_emplace(outcome.violation->law, seed + all, 0).first->second.second += 1;
            continue;
        }
        fmt::print("seed {}, after {} others\n", seed + all, all);
        return report(history, !given.contains("as-it-is"));
    }
    for (const auto& [law, seeds] : broken) {
        fmt::print("law \"{}\": broken {} times, first by seed {}\n", law, seeds.second,
                   seeds.first);
    }
    const double took = std::chrono::duration<double>(elapsed() - began).count();
    fmt::print(
        "{} histories from seed {}, {} events in {:.1f} s, {:.0f} histories a second: "
        "{}\n",
        all, seed, events, took, static_cast<double>(all) / took,
        broken.empty() ? "no law broken" : "laws are broken");
    return broken.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGABRT, say_seed);
    data::silence_log();
    options::options_description description("Options");
    description.add_options()                                                             //
        ("histories", options::value<std::uint64_t>()->default_value(1'000), "how many")  //
        ("seconds", options::value<std::uint64_t>()->default_value(0),
         "as many as fit into so many seconds instead")  //
        ("seed", options::value<std::uint64_t>()->default_value(1),
         "of the first; rises by one")                                                      //
        ("replay", options::value<std::string>()->value_name("FILE"), "runs this history")  //
        ("shrink", "with --replay: makes it as short as it can be")                         //
        ("survey", "goes on, and says how often which law is broken")                       //
        ("as-it-is", "does not shorten a history that breaks a law")                        //
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
        return simulate(given);
    } catch (const options::error& error) {
        fmt::print(stderr, "simulate_data: {}\n", error.what());
        return 2;
    }
}
