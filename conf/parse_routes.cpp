#include "conf/parse_routes.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/overlap.h"
#include "conf/parse_tls.h"
#include "conf/route_order.h"
#include "conf/text.h"

namespace ringway::conf {
namespace {

using std::string_view;

constexpr std::size_t port_ranges_max = 64;

using Positions = std::vector<Position>;  // of the names of a route

// Reads an entry that is one value or a list of 1 to `most`: read(Value).
template <class F>
void read_one_or_more(Section& section, string_view name, std::size_t most, F read) {
    section.value(name, [&](const Value& value) {
        const Node& node = value.node();
        if (node.kind != Node::Kind::list) return read(value);
        if (node.items.size() > most || (node.items.empty() && !node.is_cut)) {
            return value.error("expected 1 to " + std::to_string(most) + " values, found " +
                               std::to_string(node.items.size()));
        }
        section.list(name, read);
    });
}

void read_match(Section& section, RouteMatch& match, Positions& at) {
    Unique names("the name");
    read_one_or_more(section, "sni", names_max, [&](const Value& value) {
        const std::string what = R"(a host name, as db.example.com, "*.example.com" or "*")";
        const auto spelling = value.text(what);
        if (!spelling) return;
        auto name = NamePattern::parse(*spelling);
        if (!name) return value.expected(what);
        names.check(value, name->to_string());
        match.sni.push_back(std::move(*name));
        at.push_back(value.position());
    });
    Unique protocols("the protocol");
    read_one_or_more(section, "alpn", protocols_max,
                     [&](const Value& value) { read_protocol(value, protocols, match.alpn); });
    Unique networks("the network");
    read_one_or_more(section, "source", networks_max, [&](const Value& value) {
        const auto network = value.network();
        if (!network) return;
        networks.check(value, to_string(*network));
        match.source.push_back(*network);
    });
    read_one_or_more(section, "destination_port", port_ranges_max, [&](const Value& value) {
        const std::string what = "a port or a range of ports, as 6000 or 6000-6099";
        // A port alone is read as a number.
        const auto spelling = value.text(what);
        const auto ports = spelling ? PortRange::parse(*spelling) : std::nullopt;
        if (ports) match.destination_port.push_back(*ports);
        if (spelling && !ports) value.expected(what);
    });
}

ListenerRoute read_route(Section& section, Positions& names, const KeyNeighbours& neighbours) {
    ListenerRoute route;
    read_match(section, route.match, names);
    section.text("pool", route.pool);
    section.value("key", [&](const Value& key) { read_key(key, route.key, neighbours); });
    section.need({"pool"});
    return route;
}

// A key that this listener can never find.
void check_key(const Section& section, const Listener& listener, const ListenerRoute& route) {
    const bool nameless = listener.bind.is_unix && !listener.proxy_protocol;
    for (const KeyPart& part : route.key.parts) {
        const bool of_address =
            part.from == KeyPart::From::source_ip || part.from == KeyPart::From::source;
        if (nameless && of_address) {
            section.error("key", "the clients of a unix socket have no address: choose another");
        }
        if (part.reads_proxy_header() &&
            !(listener.proxy_protocol && listener.proxy_protocol->v2)) {
            section.error("key",
                          "is in PROXY headers of version 2, which this listener does not "
                          "accept (proxy_protocol)");
        }
        if (part.from == KeyPart::From::client_cert && !(listener.tls && listener.tls->client)) {
            section.error("key",
                          "is in clients' certificates, which this listener does not ask for: "
                          "needs tls: {client: ...}");
        }
        const bool is_text =
            part.reads_bytes() && !part.reads_tls() && part.from != KeyPart::From::bytes;
        if (route.match.reads_tls() && is_text && !listener.tls) {
            section.error("key", "clients that show what the route asks for send TLS, not text");
        }
    }
    if (nameless && route.key.on_missing == KeySettings::OnMissing::source_ip) {
        section.error("key", "on_missing: the clients of a unix socket have no address");
    }
}

void check_pool(const Section& section, const std::string& pool, const ListenerChecks& checks) {
    if (pool.empty()) return;
    if (const auto error = checks.why_no_pool(pool, section)) section.error("pool", *error);
}

// What no connection of the listener can fit.
void check_match(const Section& section, const Listener& listener, const RouteMatch& match) {
    if (!listener.proxy_protocol) {
        for (const auto* name : {"source", "destination_port"}) {
            if (!section.has(name) || !listener.bind.is_unix) continue;
            section.error(name, "the clients of a unix socket have no address: can never match");
        }
        const bool only_v4 = !listener.bind.is_unix && !unmapped(listener.bind).is_v6;
        for (const Network& network : match.source) {
            if (!only_v4 || !network.is_v6) continue;
            section.error("source", to_string(network) +
                                        " can never match: all clients of the listener have IPv4");
        }
        const PortRange bound{listener.bind.port, std::max(listener.bind.port, listener.last_port)};
        for (const PortRange& ports : match.destination_port) {
            if (listener.bind.is_unix ||
                (bound.contains(ports.first) && bound.contains(ports.last))) {
                continue;
            }
            section.error("destination_port",
                          ports.to_string() + " can never match: bind has " + bound.to_string());
        }
    }
    for (const std::string& protocol : match.alpn) {
        if (!listener.tls || std::ranges::count(listener.tls->alpn, protocol) > 0) continue;
        section.error("alpn", quoted(protocol) +
                                  " can never match: it is not among those that the listener "
                                  "agrees to (tls: {alpn: ...})");
    }
}

// Routes that an earlier one leaves nothing to. Reports both places.
class Reachability {
public:
    void add(const Section& section, const Value& value, const RouteMatch& match,
             const Positions& names) {
        const auto taken_by = [&](std::size_t index) {
            return "the route at " + to_string(places_[index]);
        };
        if (const auto before = order_.before(match)) {
            value.error("can never match: " + taken_by(*before) + " takes all its connections");
        } else {
            for (std::size_t i = 0; i < match.sni.size(); ++i) {
                const auto taker = order_.before(match, match.sni[i]);
                if (!taker) continue;
                section.error(
                    "sni", quoted(match.sni[i].to_string()) + ", at " + to_string(names[i]) +
                               ", can never match: " + taken_by(*taker) + " takes its connections");
            }
        }
        order_.add(match);
        places_.push_back(value.position());
    }

private:
    RouteOrder order_;
    std::vector<Position> places_;
};

void read_list(const Value& list, Listener& listener, const KeyNeighbours& neighbours,
               const ListenerChecks& checks) {
    const Node& node = list.node();
    if (node.kind != Node::Kind::list) return list.expected("a list of routes");
    if ((node.items.empty() && !node.is_cut) || node.items.size() > routes_max) {
        list.error("expected 1 to " + std::to_string(routes_max) + " routes, found " +
                   std::to_string(node.items.size()));
    }
    Reachability reachability;
    std::size_t names = 0;
    std::size_t index = 0;
    for (const Node& item : node.items) {
        const Path path{&list.path(), {}, index++};
        const Value value(item, path, list.report());
        Section section(value);
        Positions positions;
        ListenerRoute route = read_route(section, positions, neighbours);
        route.position = value.position();
        check_key(section, listener, route);
        check_pool(section, route.pool, checks);
        check_match(section, listener, route.match);
        reachability.add(section, value, route.match, positions);
        section.finish();
        names += route.match.sni.size();
        listener.routes.push_back(std::move(route));
    }
    if (names > names_max) {
        list.error("expected at most " + std::to_string(names_max) +
                   " names in all routes, found " + std::to_string(names));
    }
}

}  // namespace

ListenerRoute read_route(const Value& value) {
    Section section(value);
    Positions positions;
    ListenerRoute route = read_route(section, positions, KeyNeighbours{.timeout = Duration::max()});
    section.finish();
    return route;
}

void read_routes(Section& section, Listener& listener, const KeyNeighbours& neighbours,
                 const ListenerChecks& checks) {
    const bool has_routes = section.value(
        "routes", [&](const Value& list) { read_list(list, listener, neighbours, checks); });
    ListenerRoute only{.position = listener.position};
    section.text("pool", only.pool);
    section.value("key", [&](const Value& key) { read_key(key, only.key, neighbours); });
    if (!has_routes) {
        section.need({"pool"});
        check_key(section, listener, only);
        check_pool(section, only.pool, checks);
        listener.routes.push_back(std::move(only));
        return;
    }
    for (const auto* name : {"pool", "key"}) {
        if (!section.has(name)) continue;
        section.error(name,
                      "belongs into each of the routes, at " + to_string(section.where("routes")));
    }
}

}  // namespace ringway::conf
