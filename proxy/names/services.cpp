#include "proxy/names/services.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "conf/limits.h"

namespace ringway::proxy {
namespace {

using Id = conf::SrvServers::Id;
using Warnings = std::vector<std::string>;

// Each target and port once: the first of its records, by weight.
std::vector<Service> lowest_priority(std::span<const Service> services, Warnings& warnings) {
    if (services.empty()) return {};
    const auto lowest = std::ranges::min(services, {}, &Service::priority).priority;
    std::vector<Service> used;
    std::size_t others = 0;
    for (const Service& service : services) {
        if (service.priority == lowest) {
            used.push_back(service);
        } else {
            ++others;
        }
    }
    if (others > 0) {
        warnings.push_back(fmt::format(
            "{} of {} SRV records are not used: only those of the lowest priority, {}, are", others,
            services.size(), lowest));
    }
    std::ranges::sort(used);
    const auto again = std::unique(used.begin(), used.end(), [](const auto& a, const auto& b) {
        return a.target == b.target && a.port == b.port;
    });
    used.erase(again, used.end());
    return used;
}

// `services` are sorted: the lowest port of a target comes first.
std::vector<Service> one_port_each(const std::vector<Service>& services, Warnings& warnings) {
    std::vector<Service> used;
    for (auto each = services.begin(); each != services.end();) {
        used.push_back(*each);
        std::string left_out;
        for (++each; each != services.end() && each->target == used.back().target; ++each) {
            left_out += fmt::format("{}{}", left_out.empty() ? "" : ", ", each->port);
        }
        if (left_out.empty()) continue;
        warnings.push_back(fmt::format("{} is on several ports: {} is used, {} not",
                                       used.back().target, used.back().port, left_out));
    }
    return used;
}

// The weight in DNS that counts as 1; 0 if no record has a weight.
std::uint32_t unit_of(const std::vector<Service>& services, const conf::SrvServers& settings) {
    std::uint32_t divisor = 0;
    for (const Service& service : services) divisor = std::gcd(divisor, service.weight);
    return settings.weight_unit > 0 && divisor > 0 ? settings.weight_unit : divisor;
}

// With a unit of 0 all count alike.
std::uint32_t weight_of(const Service& service, std::uint32_t unit, Warnings& warnings) {
    if (unit == 0) return 1;
    const std::uint32_t weight = service.weight / unit + (service.weight % unit != 0 ? 1 : 0);
    if (weight <= conf::weight_max) return weight;
    warnings.push_back(fmt::format("{}:{} has weight {} of at most {}: in DNS {}, of which {} is 1",
                                   service.target, service.port, weight, conf::weight_max,
                                   service.weight, unit));
    return conf::weight_max;
}

}  // namespace

ServiceServers servers_of_services(std::span<const Service> services,
                                   const conf::SrvServers& settings) {
    ServiceServers made;
    std::vector<Service> used = lowest_priority(services, made.warnings);
    if (settings.id == Id::target) used = one_port_each(used, made.warnings);
    const std::uint32_t unit = unit_of(used, settings);
    for (const Service& service : used) {
        ServiceServer server{.id = service.target, .at = {service.target, service.port}};
        if (settings.id == Id::target_port) server.id = server.at.to_string();
        if (server.id.size() > conf::id_bytes_max) {
            made.warnings.push_back(fmt::format("{} is not used: an id has at most {} bytes",
                                                server.id, conf::id_bytes_max));
            continue;
        }
        server.weight = weight_of(service, unit, made.warnings);
        made.servers.push_back(std::move(server));
    }
    std::ranges::sort(made.servers, {}, &ServiceServer::id);
    return made;
}

}  // namespace ringway::proxy
