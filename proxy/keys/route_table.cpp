#include "proxy/keys/route_table.h"

#include <algorithm>

namespace ringway::proxy {

namespace {

// Routes that are looked at before a ClientHello is waited for.
constexpr std::size_t most_early_looks = 64;

bool has_protocol(const HelloFacts& hello, const std::vector<std::string>& wanted) {
    return std::ranges::any_of(wanted, [&](const std::string& each) { return hello.offers(each); });
}

bool has_port(const std::optional<conf::Endpoint>& destination,
              const std::vector<conf::PortRange>& ports) {
    return destination && !destination->is_unix &&
           std::ranges::any_of(ports, [&](const conf::PortRange& range) {
               return range.contains(destination->port);
           });
}

}  // namespace

RouteTable::RouteTable(const std::vector<conf::ListenerRoute>& routes) {
    for (const conf::ListenerRoute& route : routes) {
        const auto index = static_cast<std::uint32_t>(keys_.size());
        keys_.emplace_back(route.key);
        needs_destination_ = needs_destination_ || keys_.back().needs_destination() ||
                             !route.match.destination_port.empty();
        max_bytes_ = std::max(max_bytes_, route.key.max_bytes);
        if (route.match.sni.empty()) nameless_.push_back(index);
        for (const conf::NamePattern& each : route.match.sni) {
            (each.is_suffix ? suffixes_ : exact_)[each.name].push_back(index);
        }
        matches_.push_back(route.match);
    }
}

RouteTable::Choice RouteTable::choose(const RouteFacts& facts) const {
    if (facts.hello == nullptr) return choose_early(facts);
    std::optional<std::size_t> first = first_of(nameless_, facts);
    const auto consider = [&](const std::optional<std::size_t>& found) {
        if (found && (!first || *found < *first)) first = found;
    };
    const std::string_view name = facts.hello->server_name;
    if (!name.empty()) {
        consider(first_of(exact_, name, facts));
        consider(first_of(suffixes_, "", facts));
        for (auto dot = name.find('.'); dot != std::string_view::npos;
             dot = name.find('.', dot + 1)) {
            consider(first_of(suffixes_, name.substr(dot + 1), facts));
        }
    }
    if (!first) return {Verdict::none, 0};
    return {Verdict::found, *first};
}

RouteTable::Choice RouteTable::choose_early(const RouteFacts& facts) const {
    const std::size_t most = std::min(matches_.size(), most_early_looks);
    for (std::size_t route = 0; route < most; ++route) {
        if (!fits_but_tls(route, facts)) continue;
        if (matches_[route].reads_tls()) return {Verdict::needs_hello, 0};
        return {Verdict::found, route};
    }
    return {most < matches_.size() ? Verdict::needs_hello : Verdict::none, 0};
}

bool RouteTable::fits_source(std::size_t route, const RouteFacts& facts) const {
    const auto& networks = matches_[route].source;
    return networks.empty() || std::ranges::any_of(networks, [&](const conf::Network& network) {
               return network.contains(facts.source);
           });
}

bool RouteTable::fits_but_tls(std::size_t route, const RouteFacts& facts) const {
    const auto& ports = matches_[route].destination_port;
    return fits_source(route, facts) && (ports.empty() || has_port(facts.destination, ports));
}

std::string_view RouteTable::misfit(std::size_t route, const RouteFacts& facts) const {
    const conf::RouteMatch& match = matches_[route];
    const auto fits_name = [&](const conf::NamePattern& pattern) {
        return !facts.hello->server_name.empty() && pattern.covers({facts.hello->server_name});
    };
    if (!match.sni.empty() && std::ranges::none_of(match.sni, fits_name)) return "sni";
    if (!match.alpn.empty() && !has_protocol(*facts.hello, match.alpn)) return "alpn";
    if (!fits_source(route, facts)) return "source";
    return fits_but_tls(route, facts) ? "" : "destination_port";
}

bool RouteTable::fits_but_names(std::size_t route, const RouteFacts& facts) const {
    const auto& protocols = matches_[route].alpn;
    return fits_but_tls(route, facts) &&
           (protocols.empty() || has_protocol(*facts.hello, protocols));
}

std::optional<std::size_t> RouteTable::first_of(const Names& names, std::string_view name,
                                                const RouteFacts& facts) const {
    const auto found = names.find(name);
    return found == names.end() ? std::nullopt : first_of(found->second, facts);
}

std::optional<std::size_t> RouteTable::first_of(const Indices& some,
                                                const RouteFacts& facts) const {
    const auto found =
        std::ranges::find_if(some, [&](std::uint32_t each) { return fits_but_names(each, facts); });
    return found == some.end() ? std::nullopt : std::optional<std::size_t>(*found);
}

}  // namespace ringway::proxy
