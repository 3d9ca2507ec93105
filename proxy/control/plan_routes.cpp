#include "proxy/control/plan_routes.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "proxy/keys/route_table.h"
#include "ring/analysis.h"

namespace ringway::proxy {

namespace {

using Route = conf::ListenerRoute;

// A connection that stands for others. Without a condition it shows what fits none.
struct Sample {
    conf::Endpoint source{.is_unix = true};
    std::optional<conf::Endpoint> destination;
    HelloFacts hello;
};

Sample sample_of(const conf::RouteMatch& match, const conf::NamePattern* name) {
    Sample sample;
    if (!match.source.empty()) {
        const conf::Network& network = match.source.front();
        sample.source = {.is_v6 = network.is_v6, .address = network.address};
    }
    if (!match.destination_port.empty()) {
        sample.destination = conf::Endpoint{.port = match.destination_port.front().first};
    }
    std::string shown;
    if (name != nullptr) {
        shown = name->is_suffix ? (name->name.empty() ? "x" : "x." + name->name) : name->name;
    }
    sample.hello =
        HelloFacts::of_agreed(std::move(shown), match.alpn.empty() ? "" : match.alpn.front());
    return sample;
}

const Route* route_of(const conf::Listener& listener, const RouteTable& table,
                      const Sample& sample) {
    const auto choice = table.choose(
        {.source = sample.source, .destination = sample.destination, .hello = &sample.hello});
    if (choice.verdict != RouteTable::Verdict::found) return nullptr;
    return &listener.routes[choice.route];
}

class Comparison {
public:
    Comparison(const conf::Listener& before, const Rings& rings_before, const conf::Listener& after,
               const Rings& rings_after)
        : before_(before),
          after_(after),
          rings_before_(rings_before),
          rings_after_(rings_after),
          table_before_(before.routes),
          table_after_(after.routes) {}

    // The connections that take this route of one of them.
    void compare(const Route& route) {
        if (route.match.sni.empty()) return compare(route, nullptr);
        for (const conf::NamePattern& name : route.match.sni) compare(route, &name);
    }

    std::vector<ListenerPlan> take() { return std::move(found_); }

private:
    void compare(const Route& route, const conf::NamePattern* name) {
        const Sample sample = sample_of(route.match, name);
        const Route* const old = route_of(before_, table_before_, sample);
        const Route* const now = route_of(after_, table_after_, sample);
        if (old == nullptr) return;
        conf::RouteMatch shown = route.match;
        if (name != nullptr) shown.sni = {*name};
        std::string what = shown.summary();
        if (now == nullptr) return add(std::move(what), 1, "no route is left for them");
        if (old->key != now->key) return add(std::move(what), 1, "its keys are others");
        if (old->pool == now->pool) return;
        add(std::move(what), moved(old->pool, now->pool),
            fmt::format("its pool is {} in place of {}", now->pool, old->pool));
    }

    void add(std::string route, double moved, std::string why) {
        if (!seen_.insert(route).second) return;
        found_.push_back({after_.name, std::move(route), moved, std::move(why)});
    }

    double moved(const std::string& from, const std::string& to) {
        const auto known = moved_.find({from, to});
        if (known != moved_.end()) return known->second;
        const auto before = rings_before_.find(from);
        const auto after = rings_after_.find(to);
        const bool are_there = before != rings_before_.end() && after != rings_after_.end() &&
                               before->second && after->second;
        const double share = are_there ? ring::key_moves(*before->second, *after->second).moved : 1;
        return moved_[{from, to}] = share;
    }

    const conf::Listener& before_;
    const conf::Listener& after_;
    const Rings& rings_before_;
    const Rings& rings_after_;
    const RouteTable table_before_;
    const RouteTable table_after_;
    std::map<std::pair<std::string, std::string>, double> moved_;  // by pools
    std::set<std::string> seen_;
    std::vector<ListenerPlan> found_;
};

}  // namespace

std::vector<ListenerPlan> plan_routes(const conf::Listener& before, const Rings& rings_before,
                                      const conf::Listener& after, const Rings& rings_after) {
    Comparison comparison(before, rings_before, after, rings_after);
    for (const Route& route : after.routes) comparison.compare(route);
    for (const Route& route : before.routes) comparison.compare(route);
    return comparison.take();
}

}  // namespace ringway::proxy
