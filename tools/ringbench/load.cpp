// Readers on several cores, and picks under bounded load.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <random>
#include <thread>

#include <benchmark/benchmark.h>

#include "tools/ringbench/measure.h"
#include "tools/ringbench/suites.h"

namespace ringway::bench {
namespace {

using Clock = std::chrono::steady_clock;

// Changes a server's status a hundred times a second until it is destroyed.
class Flapper {
public:
    explicit Flapper(ring::Balancer& balancer) : thread_([this, &balancer] { run(balancer); }) {}
    ~Flapper() {
        stop_ = true;
        thread_.join();
    }
    Flapper(const Flapper&) = delete;
    Flapper& operator=(const Flapper&) = delete;

private:
    void run(ring::Balancer& balancer) {
        auto next = Clock::now();
        for (std::size_t i = 0; !stop_; ++i) {
            balancer.set_status("server-" + std::to_string(i / 2 % 10),
                                i % 2 == 0 ? ring::Status::offline : ring::Status::online);
            next += std::chrono::milliseconds(10);
            std::this_thread::sleep_until(next);
        }
    }

    std::atomic<bool> stop_{false};
    std::thread thread_;
};

struct Speed {
    double by_clock;      // lookups a second, all readers together
    double by_processor;  // the same, each reader by its own processor time
};

Speed readers_at_work(const ring::Balancer& balancer, std::size_t readers, double seconds) {
    std::atomic<bool> stop{false};
    std::vector<double> counts(readers), spent(readers);
    std::vector<std::thread> threads;
    const auto start = Clock::now();
    for (std::size_t r = 0; r < readers; ++r)
        threads.emplace_back([&, r] {
            ring::Reader reader(balancer);
            std::uint64_t hash = r + 1;
            double count = 0;
            const double begin = thread_ns();
            while (!stop.load(std::memory_order_relaxed)) {
                for (int i = 0; i < 256; ++i) {
                    hash = hash * 6364136223846793005U + 1442695040888963407U;
                    benchmark::DoNotOptimize(reader.current().owner(hash));
                }
                count += 256;
            }
            counts[r] = count;
            spent[r] = thread_ns() - begin;
        });
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    stop = true;
    for (std::thread& thread : threads) thread.join();
    const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    Speed speed{0, 0};
    for (std::size_t r = 0; r < readers; ++r) {
        speed.by_clock += counts[r] / elapsed;
        speed.by_processor += counts[r] / spent[r] * 1e9;
    }
    return speed;
}

}  // namespace

void measure_threads(const Scope& scope, Report& report) {
    const auto balancer = make_balancer(ring_settings(ring::default_vnodes), 1'000);
    const Flapper flapper(*balancer);
    std::vector<double> one, two, by_clock, by_processor;
    for (std::size_t round = 0; round < scope.thread_rounds; ++round) {
        const Speed alone = readers_at_work(*balancer, 1, scope.thread_seconds);
        const Speed both = readers_at_work(*balancer, 2, scope.thread_seconds);
        one.push_back(alone.by_clock / 1e6);
        two.push_back(both.by_clock / 1e6);
        by_clock.push_back(both.by_clock / alone.by_clock);
        by_processor.push_back(both.by_processor / alone.by_processor);
    }
    const auto add = [&](const std::string& subject, double value, const std::string& unit) {
        report.add(Result{"lookups under 100 changes a second, " + unit, subject, 1'000,
                          ring::default_vnodes, value, unit});
    };
    add("one reader", median(one), "M/s");
    add("two readers", median(two), "M/s");
    add("two over one by clock", median(by_clock), "x");
    add("two over one by processor time", median(by_processor), "x");
    report.add(Bar{"two_readers_over_one", median(by_processor), "x", 1.85, true});
}

void measure_bounded_load(const Scope& scope, Report& report) {
    constexpr std::size_t servers = 100, connections = 100'000;
    ring::Settings settings = ring_settings(ring::default_vnodes);
    settings.balance_factor = 1.25;
    const auto balancer = make_balancer(settings, servers);
    const auto snapshot = balancer->snapshot();

    // Zipf keys: the n-th of them has 1 / n of the connections of the first.
    std::mt19937_64 random(1);
    std::vector<double> ends;
    double sum = 0;
    for (int n = 1; n <= 10'000; ++n) ends.push_back(sum += 1.0 / n);
    std::uniform_real_distribution<> uniform(0, sum);
    std::vector<std::uint64_t> hashes;
    for (std::size_t i = 0; i < connections; ++i) {
        const auto key = std::lower_bound(ends.begin(), ends.end(), uniform(random)) - ends.begin();
        hashes.push_back(snapshot->hash("key-" + std::to_string(key)));
    }

    std::vector<double> times;
    std::size_t above = 0;
    double most = 0;
    for (std::size_t round = 0; round < scope.build_rounds; ++round) {
        std::vector<ring::Slot> slots;
        slots.reserve(connections);
        std::size_t live = 0;
        const double start = thread_ns();
        for (const std::uint64_t hash : hashes) {
            ring::Pick pick = snapshot->pick(hash);
            ++live;
            if (pick.member == nullptr || pick.member->live() > (5 * live + 399) / 400) ++above;
            slots.push_back(std::move(pick.slot));
        }
        times.push_back((thread_ns() - start) / connections);
        for (const ring::Member& member : snapshot->members())
            most = std::max(most, static_cast<double>(member.live()));
    }
    report.add(Result{"pick under bounded load", "ringway", servers, ring::default_vnodes,
                      median(times), "ns"});
    report.add(Bar{"picks_above_the_bound", static_cast<double>(above), "connections", 0, false});
    report.add(Bar{"most_connections_of_a_server", most, "connections",
                   1.25 * connections / servers, false});
}

}  // namespace ringway::bench
