// ringbench: what the ring costs and what it is worth, against others and its bars.
#include <cstring>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>

#include "tools/ringbench/suites.h"

namespace ringway::bench {

std::vector<std::string> server_names(std::size_t count) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.push_back("server-" + std::to_string(i));
    return names;
}

ring::Settings ring_settings(std::size_t vnodes) {
    ring::Settings settings;
    settings.key_hash = ring::KeyHash::xxh3;
    settings.vnodes = static_cast<std::uint32_t>(vnodes);
    return settings;
}

ring::Settings maglev_settings() {
    ring::Settings settings = ring_settings(ring::default_vnodes);
    settings.algorithm = ring::Algorithm::maglev;
    return settings;
}

std::unique_ptr<ring::Balancer> make_balancer(const ring::Settings& settings, std::size_t servers) {
    auto balancer = std::make_unique<ring::Balancer>(settings);
    std::vector<ring::Change> changes;
    for (std::string& name : server_names(servers)) {
        ring::ServerSpec server;
        server.id = std::move(name);
        changes.emplace_back(std::move(server));
    }
    balancer->apply(changes);
    return balancer;
}

namespace {

constexpr const char* usage =
    "usage: ringbench [--quick] [--json FILE]\n"
    "\n"
    "Measures lookups, changes, balance, threads and bounded load of the ring side by\n"
    "side with other ways, and compares medians with the bars that they must reach.\n"
    "\n"
    "  --quick      fewer rounds: under half a minute, for a first look\n"
    "  --json FILE  also writes the numbers to FILE\n"
    "\n"
    "Exits 1 where a bar is missed, 2 where it is used wrongly.\n";

struct Arguments {
    Scope scope;
    std::string json;
};

Arguments quick(Arguments arguments) {
    Scope& scope = arguments.scope;
    scope.vnodes = {ring::default_vnodes};
    scope.lookup_rounds = 21;
    scope.build_rounds = 3;
    scope.flip_rounds = 9;
    scope.sampled_keys = 100'000;
    scope.thread_seconds = 0.1;
    scope.thread_rounds = 7;
    return arguments;
}

int run(const Arguments& arguments) {
    std::ofstream json;
    if (!arguments.json.empty()) {
        json.open(arguments.json);
        if (!json) {
            std::cerr << "ringbench: cannot write " << arguments.json << '\n';
            return 2;
        }
    }
    using Suite = void (*)(const Scope&, Report&);
    Report report;
    for (const Suite suite :
         {Suite{measure_lookups}, Suite{measure_keys}, Suite{measure_changes},
          Suite{measure_balance}, Suite{measure_threads}, Suite{measure_bounded_load}})
        suite(arguments.scope, report);
    report.print(std::cout);
    if (json.is_open()) report.write_json(json);
    return report.all_met() ? 0 : 1;
}

}  // namespace
}  // namespace ringway::bench

int main(int argc, char** argv) {
    using namespace ringway::bench;
    Arguments arguments;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--help") == 0) {
            std::cout << usage;
            return 0;
        }
        if (std::strcmp(argv[i], "--quick") == 0) {
            arguments = quick(std::move(arguments));
        } else if (std::strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
            arguments.json = argv[++i];
        } else {
            std::cerr << usage;
            return 2;
        }
    }
    try {
        return run(arguments);
    } catch (const std::exception& error) {
        std::cerr << "ringbench: " << error.what() << '\n';
        return 2;
    }
}
