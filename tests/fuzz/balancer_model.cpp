#include "tests/fuzz/balancer_model.h"

#include <cmath>
#include <utility>
#include <variant>

#include "ring/points.h"

namespace ringway::fuzz {
namespace {

using namespace ring;
using Servers = BalancerModel::Servers;

bool is_status(Status status) {
    return status == Status::online || status == Status::offline || status == Status::draining;
}

bool is_ramp(std::uint32_t ramp, const Settings& settings) {
    if (settings.algorithm == Algorithm::maglev) return ramp == full_ramp;
    return ramp >= 1 && ramp <= full_ramp;
}

// One change of `servers`; false where it is refused.
struct Changer {
    Servers& servers;
    const Settings& settings;

    bool operator()(const ServerSpec& spec) const {
        const bool good = !spec.id.empty() && spec.id.size() <= 255 && spec.weight <= 1000 &&
                          is_status(spec.status) && is_ramp(spec.ramp, settings);
        const ModelServer server{spec.weight, spec.status, spec.ramp, spec.max_connections,
                                 spec.context};
        return good && servers.emplace(spec.id, server).second;
    }
    bool operator()(const Unregister& change) const { return servers.erase(change.id) == 1; }
    bool operator()(const SetStatus& change) const {
        return is_status(change.status) && set(change.id, &ModelServer::status, change.status);
    }
    bool operator()(const SetWeight& change) const {
        return change.weight <= 1000 && set(change.id, &ModelServer::weight, change.weight);
    }
    bool operator()(const SetRamp& change) const {
        return is_ramp(change.ramp, settings) && set(change.id, &ModelServer::ramp, change.ramp);
    }
    bool operator()(const SetLimit& change) const {
        return set(change.id, &ModelServer::max_connections, change.max_connections);
    }
    bool operator()(const SetContext& change) const {
        return set(change.id, &ModelServer::context, change.context);
    }

    template <class T>
    bool set(const std::string& id, T ModelServer::*what, const T& value) const {
        const auto server = servers.find(id);
        if (server == servers.end()) return false;
        server->second.*what = value;
        return true;
    }
};

}  // namespace

bool BalancerModel::apply(std::span<const Change> changes) {
    Servers next = servers_;
    for (const Change& change : changes) {
        if (!std::visit(Changer{next, settings_}, change)) return false;
    }
    std::uint64_t weights = 0;
    for (const auto& [id, server] : next) weights += server.weight;
    const bool is_ring = settings_.algorithm == Algorithm::ring;
    if (is_ring && weights * settings_.vnodes > std::uint64_t{1} << 24) return false;
    if (next != servers_) ++generation_;
    servers_ = std::move(next);
    return true;
}

std::vector<test::NamedPoint> BalancerModel::points() const {
    std::vector<test::NamedPoint> points;
    for (const auto& [id, server] : servers_) {
        if (!server.has_points()) continue;
        const std::uint64_t all = std::uint64_t{server.weight} * settings_.vnodes;
        const auto count = static_cast<std::uint32_t>((all * server.ramp + 999) / 1000);
        for (const std::uint64_t position : server_points(id, count)) {
            points.push_back({position, id});
        }
    }
    return points;
}

std::uint64_t BalancerModel::bound(const std::string& id, std::uint64_t live) const {
    std::uint64_t on_ring = 0;
    for (const auto& [each, server] : servers_) {
        if (server.has_points()) on_ring += std::uint64_t{server.weight} * server.ramp;
    }
    const ModelServer& server = servers_.at(id);
    const auto millionths =
        static_cast<std::uint64_t>(std::llround(settings_.balance_factor * 1e6));
    const std::uint64_t part = std::uint64_t{server.weight} * server.ramp;
    __extension__ using Wide = unsigned __int128;
    const Wide whole = Wide{on_ring} * 1'000'000;
    const Wide bound = (Wide{millionths} * live * part + whole - 1) / whole;
    return bound < 0xffffffff ? static_cast<std::uint64_t>(bound) : 0xffffffff;
}

Verdict BalancerModel::verdict(const std::string& id) const {
    const ModelServer& server = servers_.at(id);
    if (server.weight == 0) return Verdict::weight_zero;
    if (server.status == Status::draining) return Verdict::draining;
    if (server.status == Status::offline) return Verdict::offline;
    if (server.max_connections != 0 && live(id) >= server.max_connections) return Verdict::full;
    if (settings_.balance_factor == 0) return Verdict::takes;
    return live(id) + 1 > bound(id, live() + 1) ? Verdict::over_bound : Verdict::takes;
}

std::pair<std::string, Verdict> BalancerModel::pick(const std::vector<std::string>& walk) const {
    Verdict last = Verdict::offline;
    for (const auto& id : walk) {
        last = verdict(id);
        if (last == Verdict::takes) return {id, last};
    }
    return {"", last};
}

void BalancerModel::rename(const std::string& from, const std::string& to) {
    live_[to] = std::exchange(live_[from], 0);
}

std::uint32_t BalancerModel::live(const std::string& id) const {
    const auto known = live_.find(id);
    return known == live_.end() ? 0 : known->second;
}

std::uint64_t BalancerModel::live() const {
    std::uint64_t sum = 0;
    for (const auto& [id, live] : live_) sum += live;
    return sum;
}

}  // namespace ringway::fuzz
