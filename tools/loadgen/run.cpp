#include "tools/loadgen/run.h"

#include <future>
#include <utility>

#include "tools/loadgen/modes.h"

namespace ringway::loadgen {

namespace {

std::unique_ptr<Client> make_client(const RunOptions& options, Share share) {
    switch (options.mode) {
        case RunMode::bulk_up:
        case RunMode::bulk_down:
            return std::make_unique<Bulk>(options, std::move(share));
        case RunMode::round_trip:
            return std::make_unique<RoundTrips>(options, std::move(share));
        case RunMode::connect:
            return std::make_unique<Connects>(options, std::move(share));
        case RunMode::idle:
            return std::make_unique<Idle>(options, std::move(share));
        case RunMode::verify:
            return std::make_unique<Verifies>(options, std::move(share));
    }
    return nullptr;
}

// The part of `whole` that thread `i` of `n` gets, so that all parts make it up.
template <typename T>
T part(T whole, unsigned i, unsigned n) {
    return static_cast<T>(whole / n + (i < whole % n ? 1 : 0));
}

}  // namespace

Result run(const RunOptions& options, const std::function<void(const std::string&)>& progress) {
    CpuMeter meter(options.cpu_of);
    const unsigned threads = options.threads;
    std::vector<std::future<Result>> others;
    const auto run_share = [&](unsigned i) {
        Share share{.thread = i,
                    .links = part(options.connections, i, threads),
                    .operations = part(options.operations, i, threads),
                    .rate = options.rate / threads,
                    .meter = i == 0 ? &meter : nullptr,
                    .progress = progress};
        return make_client(options, std::move(share))->run();
    };
    for (unsigned i = 1; i < threads; ++i) {
        others.push_back(std::async(std::launch::async, run_share, i));
    }
    Result result = run_share(0);
    result.cpu_seconds = meter.used();
    for (auto& other : others) result.merge(other.get());
    return result;
}

Title title_of(const RunOptions& options) {
    return {.mode = to_string(options.mode),
            .connect = options.connect.to_string(),
            .connections = options.connections,
            .threads = options.threads,
            .rate_wanted = options.rate,
            .seed = options.seed};
}

Servers::Servers(const ServeOptions& options) {
    std::vector<ServiceOptions> services = options.services;
    for (unsigned i = 0; i < options.threads; ++i) {
        servers_.push_back(std::make_unique<Server>(services, options.threads > 1));
        services = servers_.front()->services();  // the others share its ports
    }
    const TimePoint until = Clock::now() + options.lifetime;
    for (const auto& server : servers_) {
        threads_.emplace_back([&server = *server, until] { server.run(until); });
    }
}

Servers::~Servers() {
    stop();
}

void Servers::stop() {
    for (const auto& server : servers_) server->stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
}

std::uint64_t Servers::accepted(std::size_t service) const {
    std::uint64_t sum = 0;
    for (const auto& server : servers_) sum += server->accepted(service);
    return sum;
}

Failures Servers::failures(std::size_t service) const {
    Failures sum;
    for (const auto& server : servers_) sum.merge(server->failures(service));
    return sum;
}

}  // namespace ringway::loadgen
