#include "tools/loadgen/result.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json/array.hpp>

namespace ringway::loadgen {

namespace {

constexpr std::size_t max_seeds_told = 8;

double microseconds(double nanoseconds) {
    return nanoseconds / 1e3;
}

double microseconds(std::uint64_t nanoseconds) {
    return microseconds(static_cast<double>(nanoseconds));
}

double per_second(std::uint64_t count, double seconds) {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

boost::json::object latency_json(const Title& title, const Histogram& latency) {
    return {{"from", title.rate_wanted > 0 ? "intended begin" : "begin"},
            {"mean", microseconds(latency.mean())},
            {"p50", microseconds(latency.percentile(50))},
            {"p90", microseconds(latency.percentile(90))},
            {"p99", microseconds(latency.percentile(99))},
            {"p99.9", microseconds(latency.percentile(99.9))},
            {"max", microseconds(latency.max())}};
}

}  // namespace

const char* to_string(Failure failure) {
    switch (failure) {
        case Failure::refused:
            return "refused";
        case Failure::reset:
            return "reset";
        case Failure::early_end:
            return "early_end";
        case Failure::wrong_bytes:
            return "wrong_bytes";
        case Failure::bytes_lost:
            return "bytes_lost";
        case Failure::not_reset:
            return "not_reset";
        case Failure::timeout:
            return "timeout";
        case Failure::unfinished:
            return "unfinished";
        case Failure::local:
            return "local";
    }
    return "unknown";
}

void Failures::merge(const Failures& other) {
    for (std::size_t i = 0; i < failure_kinds; ++i) counts_[i] += other.counts_[i];
}

std::uint64_t Failures::total() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : counts_) sum += count;
    return sum;
}

boost::json::object Failures::to_json() const {
    boost::json::object object{{"total", total()}};
    for (std::size_t i = 0; i < failure_kinds; ++i) {
        if (counts_[i] > 0) object[to_string(static_cast<Failure>(i))] = counts_[i];
    }
    return object;
}

std::string Failures::to_line() const {
    if (total() == 0) return "none";
    std::string kinds;
    for (std::size_t i = 0; i < failure_kinds; ++i) {
        if (counts_[i] == 0) continue;
        kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", counts_[i],
                             to_string(static_cast<Failure>(i)));
    }
    return fmt::format("{} ({})", total(), kinds);
}

void Result::add_failed_seed(std::uint64_t seed) {
    if (failed_seeds.size() < max_seeds_told) failed_seeds.push_back(seed);
}

void Result::merge(const Result& other) {
    latency.merge(other.latency);
    operations += other.operations;
    bytes_up += other.bytes_up;
    bytes_down += other.bytes_down;
    failures.merge(other.failures);
    for (const std::uint64_t seed : other.failed_seeds) add_failed_seed(seed);
    seconds = std::max(seconds, other.seconds);
    for (const auto& [name, used] : other.cpu_seconds) cpu_seconds[name] += used;
}

boost::json::object to_json(const Title& title, const Result& result) {
    boost::json::object object{
        {"mode", title.mode},
        {"connect", title.connect},
        {"connections", title.connections},
        {"threads", title.threads},
        {"rate_wanted", title.rate_wanted},
        {"seed", title.seed},
        {"seconds", result.seconds},
        {"operations", result.operations},
        {"operations_per_second", per_second(result.operations, result.seconds)},
        {"bytes_up", result.bytes_up},
        {"bytes_down", result.bytes_down},
        {"bytes_per_second", per_second(result.bytes_up + result.bytes_down, result.seconds)},
        {"latency_us", latency_json(title, result.latency)},
        {"failures", result.failures.to_json()}};
    boost::json::object cpu;
    for (const auto& [name, used] : result.cpu_seconds) cpu[name] = used;
    object["cpu_seconds"] = std::move(cpu);
    boost::json::array seeds(result.failed_seeds.begin(), result.failed_seeds.end());
    object["failed_seeds"] = std::move(seeds);
    return object;
}

std::string to_line(const Title& title, const Result& result) {
    std::string line =
        fmt::format("{}: {} connections, {:.2f} s", title.mode, title.connections, result.seconds);
    if (result.operations > 0) {
        line += fmt::format("; {} operations, {:.0f}/s", result.operations,
                            per_second(result.operations, result.seconds));
    }
    if (const std::uint64_t bytes = result.bytes_up + result.bytes_down; bytes > 0) {
        line += fmt::format("; {:.1f} MB/s", per_second(bytes, result.seconds) / 1e6);
    }
    if (const Histogram& latency = result.latency; latency.count() > 0) {
        line += fmt::format(
            "; us from {}: p50 {:.0f}, p90 {:.0f}, p99 {:.0f}, p99.9 {:.0f}, max {:.0f}",
            title.rate_wanted > 0 ? "the intended begin" : "the begin",
            microseconds(latency.percentile(50)), microseconds(latency.percentile(90)),
            microseconds(latency.percentile(99)), microseconds(latency.percentile(99.9)),
            microseconds(latency.max()));
    }
    line += "; failures: " + result.failures.to_line();
    for (const std::uint64_t seed : result.failed_seeds) {
        line += fmt::format("\nfailed: the connection of seed {:#x}", seed);
    }
    return line;
}

}  // namespace ringway::loadgen
