// How even the shares are, and how many keys a removal moves that need not move.
#include <algorithm>
#include <cmath>
#include <random>

#include "ring/analysis.h"
#include "tools/baselines/envoy_ring.h"
#include "tools/baselines/haproxy_chash.h"
#include "tools/baselines/nginx_chash.h"
#include "tools/ringbench/measure.h"
#include "tools/ringbench/suites.h"

namespace ringway::bench {
namespace {

struct Evenness {
    double peak;       // greatest share / mean share
    double deviation;  // standard deviation / mean share
};

Evenness evenness(const std::vector<double>& shares) {
    const auto count = static_cast<double>(shares.size());
    double peak = 0, squares = 0;
    for (const double share : shares) {
        peak = std::max(peak, share * count);
        squares += (share * count - 1) * (share * count - 1);
    }
    return {peak, std::sqrt(squares / count)};
}

void add(Report& report, const std::string& subject, std::size_t servers, std::size_t vnodes,
         const Evenness& even, double extra) {
    report.add(Result{"peak to average", subject, servers, vnodes, even.peak, "x"});
    report.add(Result{"deviation of shares", subject, servers, vnodes, 100 * even.deviation, "%"});
    report.add(Result{"keys moved beyond need", subject, servers, vnodes, 100 * extra, "%"});
}

// Exactly, from the arcs; the extra moves are the most of four kinds of change.
void measure_ours(const ring::Settings& settings, const std::string& subject, std::size_t servers,
                  std::size_t vnodes, Report& report) {
    const auto balancer = make_balancer(settings, servers);
    const auto before = balancer->snapshot();
    const ring::Balance even = ring::balance(ring::shares(*before));
    const std::string changed = "server-" + std::to_string(servers / 2);
    double extra = 0;
    const auto extra_after = [&](const ring::Change& change) {
        const auto old = balancer->snapshot();
        balancer->apply({&change, 1});
        double moved = 0;
        for (const ring::Move& move : ring::key_moves(*old, *balancer->snapshot()).moves)
            if (move.from != changed && move.to != changed) moved += move.share;
        extra = std::max(extra, moved);
    };
    extra_after(ring::SetStatus{changed, ring::Status::offline});
    extra_after(ring::SetStatus{changed, ring::Status::online});
    extra_after(ring::SetWeight{changed, 3});
    extra_after(ring::Unregister{changed});
    add(report, subject, servers, vnodes, {even.peak, even.deviation}, extra);
}

// Keys that were not on the removed server, and move nevertheless.
template <class Peer>
double sampled_extra(const Scope& scope, const Peer& before, const Peer& after,
                     std::uint32_t removed) {
    std::mt19937_64 random(1);
    std::size_t moved = 0;
    for (std::size_t i = 0; i < scope.sampled_keys; ++i) {
        const std::uint64_t hash = random();
        const std::uint32_t was = before.owner(hash);
        if (was == removed) continue;
        // Servers after the removed one have moved up by one in the shorter list.
        const std::uint32_t stays = was > removed ? was - 1 : was;
        if (after.owner(hash) != stays) ++moved;
    }
    return static_cast<double>(moved) / static_cast<double>(scope.sampled_keys);
}

template <class Peer, class Server>
void measure_peer(const Scope& scope, const std::string& subject, std::vector<Server> servers,
                  Report& report) {
    const std::size_t count = servers.size();
    const Peer before(servers);
    const auto removed = static_cast<std::uint32_t>(count / 2);
    servers.erase(servers.begin() + removed);
    const Peer after(servers);
    // nginx compares all names on every pick: fewer samples do there.
    Scope affordable = scope;
    if (count > 1'000) affordable.sampled_keys = std::min<std::size_t>(scope.sampled_keys, 20'000);
    add(report, subject, count, 0, evenness(before.shares(count)),
        sampled_extra(affordable, before, after, removed));
}

// One set of names has luck, good or bad: the greatest of a thousand shares varies by
// several percent. So the bar is for the median of many sets.
void measure_peaks(const ring::Settings& settings, const std::string& subject, std::size_t vnodes,
                   double bar, const std::string& bar_name, Report& report) {
    std::vector<double> peaks;
    for (const char* const before : {"server-", "10.0.0.1:", "web", "cache-", "node_", "db.", ""})
        for (const char* const after : {"", ":6379", ".example.com"}) {
            ring::Balancer balancer(settings);
            std::vector<ring::Change> changes;
            for (int i = 0; i < 1'000; ++i) {
                ring::ServerSpec server;
                server.id = before + std::to_string(i) + after;
                changes.emplace_back(std::move(server));
            }
            balancer.apply(changes);
            peaks.push_back(ring::balance(ring::shares(*balancer.snapshot())).peak);
        }
    const std::string name = "peak to average under 21 sets of names";
    const auto [least, most] = std::minmax_element(peaks.begin(), peaks.end());
    report.add(Result{name, subject + " least", 1'000, vnodes, *least, "x"});
    report.add(Result{name, subject + " median", 1'000, vnodes, median(peaks), "x"});
    report.add(Result{name, subject + " most", 1'000, vnodes, *most, "x"});
    report.add(Bar{bar_name, median(peaks), "x", bar, false});
}

}  // namespace

void measure_balance(const Scope& scope, Report& report) {
    double extra = 0;
    for (const std::size_t servers : scope.servers) {
        for (const std::size_t vnodes : scope.vnodes) {
            measure_ours(ring_settings(vnodes), "ringway", servers, vnodes, report);
            extra =
                std::max(extra, report.value("keys moved beyond need", "ringway", servers, vnodes));
        }
        const std::vector<std::string> names = server_names(servers);
        std::vector<std::uint32_t> numbers;
        for (std::uint32_t i = 0; i < servers; ++i) numbers.push_back(i + 1);
        measure_ours(maglev_settings(), "ringway maglev", servers, 0, report);
        measure_peer<baselines::EnvoyRing>(scope, "envoy ring", names, report);
        measure_peer<baselines::HaproxyChash>(scope, "haproxy", numbers, report);
        measure_peer<baselines::NginxChash>(scope, "nginx", names, report);
    }
    measure_peaks(ring_settings(ring::default_vnodes), "ringway", ring::default_vnodes, 1.10,
                  "peak_to_average_1000_servers", report);
    measure_peaks(maglev_settings(), "ringway maglev", 0, 1.02,
                  "peak_to_average_1000_servers_maglev", report);
    report.add(Bar{"keys_moved_beyond_need", extra, "%", 0, false});
}

}  // namespace ringway::bench
