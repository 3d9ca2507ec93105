// Time of one lookup: from a hash, and from a key.
#include <array>
#include <cstring>
#include <optional>
#include <random>
#include <utility>

#include <benchmark/benchmark.h>

#include "ring/snapshot_access.h"
#include "tools/baselines/envoy_ring.h"
#include "tools/baselines/haproxy_chash.h"
#include "tools/baselines/lower_bound.h"
#include "tools/baselines/nginx_chash.h"
#include "tools/ringbench/measure.h"
#include "tools/ringbench/suites.h"

namespace ringway::bench {
namespace {

constexpr std::size_t lookups = 20'000;           // timed in a round: below a time slice
constexpr std::size_t untimed_lookups = 200'000;  // before them, for the caches to settle
constexpr double untimed_ns = 30e6;               // or fewer, where they take longer

std::vector<std::uint64_t> fresh_hashes() {
    static std::mt19937_64 random(1);
    std::vector<std::uint64_t> hashes(lookups);
    for (std::uint64_t& hash : hashes) hash = random();
    return hashes;
}

// Nanoseconds a lookup, of `lookups` at once. `owner(hash)` gives a number.
template <class Owner>
double independent(const Owner& owner) {
    const std::vector<std::uint64_t> hashes = fresh_hashes();
    const double start = thread_ns();
    for (const std::uint64_t hash : hashes) benchmark::DoNotOptimize(owner(hash));
    return (thread_ns() - start) / lookups;
}

// Each hash depends on the answer before it, so that no two lookups overlap.
template <class Owner>
double dependent(const Owner& owner) {
    const std::vector<std::uint64_t> hashes = fresh_hashes();
    std::uint64_t answer = 0;
    const double start = thread_ns();
    for (const std::uint64_t hash : hashes) answer = owner(hash + (answer & 1));
    const double spent = thread_ns() - start;
    benchmark::DoNotOptimize(answer);
    return spent / lookups;
}

// What one contestant leaves in the caches would be the next one's loss: each looks up
// untimed first, as one does that has its thread to itself.
template <class Owner>
void settle(const Owner& owner) {
    const double start = thread_ns();
    for (std::size_t done = 0; done < untimed_lookups && thread_ns() - start < untimed_ns;
         done += lookups)
        independent(owner);
}

template <class Owner>
double settled(const Owner& owner) {
    settle(owner);
    return independent(owner);
}

template <class Owner>
double settled_dependent(const Owner& owner) {
    settle(owner);
    return dependent(owner);
}

auto owner_in(const ring::Snapshot& snapshot) {
    return [&snapshot](std::uint64_t hash) {
        return reinterpret_cast<std::uintptr_t>(snapshot.owner(hash)) >> 6;
    };
}

baselines::LowerBound lower_bound_over(const ring::Snapshot& snapshot) {
    std::vector<std::pair<std::uint64_t, std::uint32_t>> points;
    for (const ring::Point& point : ring::SnapshotAccess::table(snapshot).points())
        points.emplace_back(point.position, point.seat);
    return baselines::LowerBound(points);
}

void finish(std::vector<Contestant>& contestants, const Scope& scope, const std::string& name,
            std::size_t servers, std::size_t vnodes, Report& report) {
    take_turns(contestants, scope.lookup_rounds);
    for (const Contestant& contestant : contestants)
        report.add(
            Result{name, contestant.name, servers, vnodes, median(contestant.results), "ns"});
}

// The ring against a binary search over the same points.
void measure_same_points(const Scope& scope, std::size_t servers, std::size_t vnodes,
                         Report& report) {
    const auto snapshot = make_balancer(ring_settings(vnodes), servers)->snapshot();
    const baselines::LowerBound plain = lower_bound_over(*snapshot);
    const auto ring_owner = owner_in(*snapshot);
    const auto plain_owner = [&plain](std::uint64_t hash) { return plain.owner(hash); };
    std::vector<Contestant> contestants{
        {"ringway", [&] { return settled(ring_owner); }, {}},
        {"lower_bound", [&] { return settled(plain_owner); }, {}},
        {"ringway dependent", [&] { return settled_dependent(ring_owner); }, {}},
        {"lower_bound dependent", [&] { return settled_dependent(plain_owner); }, {}},
        {"ringway unsettled", [&] { return independent(ring_owner); }, {}},
        {"lower_bound unsettled", [&] { return independent(plain_owner); }, {}},
    };
    finish(contestants, scope, "lookup", servers, vnodes, report);
}

// Every peer with the points that it has by default.
void measure_peers(const Scope& scope, std::size_t servers, Report& report) {
    const std::vector<std::string> names = server_names(servers);
    std::vector<std::uint32_t> numbers;
    for (std::uint32_t i = 0; i < servers; ++i) numbers.push_back(i + 1);
    const auto ring = make_balancer(ring_settings(ring::default_vnodes), servers)->snapshot();
    const auto maglev = make_balancer(maglev_settings(), servers)->snapshot();
    const baselines::EnvoyRing envoy(names);
    const baselines::HaproxyChash haproxy(numbers);
    const baselines::NginxChash nginx(names);
    const auto by = [](const auto& peer) {
        return [&peer](std::uint64_t hash) { return peer.owner(hash); };
    };
    std::vector<Contestant> contestants{
        {"ringway", [&] { return settled(owner_in(*ring)); }, {}},
        {"ringway maglev", [&] { return settled(owner_in(*maglev)); }, {}},
        {"envoy ring", [&] { return settled(by(envoy)); }, {}},
        {"haproxy", [&] { return settled(by(haproxy)); }, {}},
        {"nginx", [&] { return settled(by(nginx)); }, {}},
    };
    finish(contestants, scope, "lookup at defaults", servers, 0, report);
}

using ShortKey = std::array<char, 16>;

std::vector<ShortKey> fresh_keys() {
    std::vector<ShortKey> keys(lookups);
    const std::vector<std::uint64_t> numbers = fresh_hashes();
    for (std::size_t i = 0; i < lookups; ++i) {
        keys[i] = std::to_array("key-of-a-client");
        std::memcpy(keys[i].data(), &numbers[i], sizeof numbers[i]);
    }
    return keys;
}

double keys_round(const ring::Snapshot& snapshot) {
    settle(owner_in(snapshot));
    const std::vector<ShortKey> keys = fresh_keys();
    const double start = thread_ns();
    for (const ShortKey& key : keys)
        benchmark::DoNotOptimize(snapshot.owner(snapshot.hash({key.data(), key.size()})));
    return (thread_ns() - start) / lookups;
}

void measure_keys_at(const Scope& scope, std::size_t servers, std::size_t vnodes, Report& report) {
    ring::Settings settings = ring_settings(vnodes);
    const auto xxh3 = make_balancer(settings, servers)->snapshot();
    settings.key_hash = ring::KeyHash::sha256;
    const auto sha256 = make_balancer(settings, servers)->snapshot();
    std::vector<Contestant> contestants{
        {"sha256", [&] { return keys_round(*sha256); }, {}},
        {"xxh3", [&] { return keys_round(*xxh3); }, {}},
    };
    take_turns(contestants, scope.lookup_rounds);
    for (const Contestant& contestant : contestants)
        report.add(Result{"keys of 16 bytes to servers", contestant.name, servers, vnodes,
                          1e3 / median(contestant.results), "M/s"});
}

}  // namespace

void measure_lookups(const Scope& scope, Report& report) {
    for (const std::size_t servers : scope.servers) {
        for (const std::size_t vnodes : scope.vnodes)
            measure_same_points(scope, servers, vnodes, report);
        measure_peers(scope, servers, report);
    }
    const auto speedup = [&](std::size_t servers, const std::string& how) {
        return report.value("lookup", "lower_bound" + how, servers, ring::default_vnodes) /
               report.value("lookup", "ringway" + how, servers, ring::default_vnodes);
    };
    report.add(Bar{"lookup_speedup_1000_servers", speedup(1'000, ""), "x", 7, true});
    report.add(Bar{"lookup_speedup_10000_servers", speedup(10'000, ""), "x", 5, true});
    for (const std::string how : {" dependent", " unsettled"})
        for (const std::size_t servers : {1'000UL, 10'000UL})
            report.add(Result{"speedup", "ringway" + how, servers, ring::default_vnodes,
                              speedup(servers, how), "x"});
}

void measure_keys(const Scope& scope, Report& report) {
    for (const std::size_t servers : scope.servers)
        for (const std::size_t vnodes : scope.vnodes)
            measure_keys_at(scope, servers, vnodes, report);
    const auto rate = [&](const std::string& hash) {
        return report.value("keys of 16 bytes to servers", hash, 1'000, ring::default_vnodes);
    };
    report.add(Bar{"keys_per_second_sha256", rate("sha256"), "M/s", 3.5, true});
    report.add(Bar{"keys_per_second_xxh3", rate("xxh3"), "M/s", 20, true});
}

}  // namespace ringway::bench
