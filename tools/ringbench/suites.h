// The suites of ringbench. Each adds its results and bars to a report.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "ring/balancer.h"
#include "tools/ringbench/report.h"

namespace ringway::bench {

struct Scope {
    std::vector<std::size_t> servers{10, 100, 1'000, 10'000};
    std::vector<std::size_t> vnodes{ring::default_vnodes, 160};
    std::size_t lookup_rounds = 41;
    std::size_t build_rounds = 9;
    std::size_t flip_rounds = 51;
    std::size_t sampled_keys = 1'000'000;
    double thread_seconds = 0.5;  // of one round
    std::size_t thread_rounds = 15;
};

// "server-0", "server-1", ...
std::vector<std::string> server_names(std::size_t count);

ring::Settings ring_settings(std::size_t vnodes);
ring::Settings maglev_settings();

// Registers so many servers of weight 1 as one change.
std::unique_ptr<ring::Balancer> make_balancer(const ring::Settings& settings, std::size_t servers);

void measure_lookups(const Scope& scope, Report& report);
void measure_keys(const Scope& scope, Report& report);
void measure_changes(const Scope& scope, Report& report);
void measure_balance(const Scope& scope, Report& report);
void measure_threads(const Scope& scope, Report& report);
void measure_bounded_load(const Scope& scope, Report& report);

}  // namespace ringway::bench
