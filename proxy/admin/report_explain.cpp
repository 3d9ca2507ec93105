// Why a key, or a connection of a client, goes where it goes.
#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <boost/json/array.hpp>

#include "proxy/admin/report_parts.h"
#include "proxy/admin/reports.h"
#include "proxy/control/control.h"
#include "proxy/data/preread.h"
#include "proxy/text/escape.h"
#include "ring/explain.h"

namespace ringway::proxy {

namespace json = boost::json;

namespace {

// Routes that a connection does not fit, shown before the one that it takes.
constexpr std::size_t passed_shown = 20;

std::string hex(std::uint64_t value) {
    return fmt::format("{:#018x}", value);
}

const char* to_string(ring::Status status) {
    return status == ring::Status::online ? "online" : "offline";  // finer words beside it
}

// One server of a walk.
json::object describe_step(const Control& control, const std::string& pool,
                           const ring::ExplainStep& step) {
    const ring::Member& member = *step.member;
    json::value distance;  // null for a server without points
    if (step.point) distance = hex(step.point->distance);
    const bool busy =
        step.verdict == ring::Verdict::full || step.verdict == ring::Verdict::over_bound;
    return {{"id", member.id},
            {"status", to_string(member.status)},
            {"detail", busy ? std::string(ring::to_string(step.verdict))
                            : control.pools().detail(pool, member.id)},
            {"distance", std::move(distance)}};
}

// The first of a walk, whether it has room or not; null where no server may take keys.
json::value owner_of(std::span<const ring::ExplainStep> walk) {
    if (walk.empty() || walk.front().verdict == ring::Verdict::weight_zero) return {};
    return json::value(walk.front().member->id);
}

}  // namespace

Report report_explain(const Control& control, const std::string& pool_name,
                      const std::string& key) {
    const auto pool = pool_of(control, pool_name);
    if (!pool) return pool.error();
    const auto snapshot = (*pool)->ring->snapshot();
    const std::uint64_t hash = snapshot->hash(key);
    const std::size_t all = snapshot->members().size();
    const auto steps = ring::explain(*snapshot, hash, all);
    json::array walk;
    bool found = false;
    for (const ring::ExplainStep& step : steps) {
        const bool chosen = !found && step.verdict == ring::Verdict::takes;
        found = found || chosen;
        walk.push_back(describe_step(control, pool_name, step));
        walk.back().as_object()["chosen"] = chosen;
    }
    json::value otherwise;  // null if it would be the same
    if (steps.size() < all) {
        json::array servers;
        const auto possible = (*pool)->ring->figures().explain_if_all_online(snapshot, hash);
        for (const ring::ExplainStep& step : possible)
            servers.push_back(describe_step(control, pool_name, step));
        otherwise = {{"owner", owner_of(possible)}, {"walk", std::move(servers)}};
    }
    json::value fallback;  // where the connection goes on to; null where the pool has a server
    const std::string& next = (*pool)->settings.fallback;
    if (!found && !next.empty()) fallback = *report_explain(control, next, key);
    return json::object{{"pool", pool_name},
                        {"key", escaped(key)},
                        {"hash", hex(hash)},
                        {"owner", owner_of(steps)},
                        {"walk", std::move(walk)},
                        {"if_all_online", std::move(otherwise)},
                        {"fallback", std::move(fallback)}};
}

namespace {

// A client of a listener: as much of it as is shown.
struct ShownClient {
    std::string listener;
    Origin origin;
    HelloFacts hello;
    std::string head;                // its first bytes
    std::optional<std::string> key;  // in place of the one that would be read
};

constexpr std::string_view explain_usage =
    "explain --listener NAME [--source ADDRESS] [--port PORT] [--sni NAME] [--alpn PROTOCOL] "
    "[--first-line TEXT | --target TARGET | --header \"NAME: VALUE\"] [--key KEY]";

Result<void> take_address(ShownClient& client, const std::string& text) {
    const auto address = conf::Endpoint::parse_address(text);
    if (!address) return Reason(fmt::format("no IP address: {}", escaped(text)));
    client.origin.source = *address;
    client.origin.source.port = 1;
    return {};
}

Result<void> take_port(ShownClient& client, const std::string& text) {
    const auto ports = conf::PortRange::parse(text);
    if (!ports || ports->first != ports->last) {
        return Reason(fmt::format("no port: {}", escaped(text)));
    }
    client.origin.destination = conf::Endpoint{.port = ports->first};
    return {};
}

Result<void> take_option(ShownClient& client, std::string_view name, const std::string& value) {
    constexpr std::string_view request = "GET / HTTP/1.1\r\n";
    if (name == "--listener") {
        client.listener = value;
    } else if (name == "--source") {
        return take_address(client, value);
    } else if (name == "--port") {
        return take_port(client, value);
    } else if (name == "--sni") {
        const auto pattern = conf::NamePattern::parse(value);
        if (!pattern || pattern->is_suffix) {
            return Reason(fmt::format("no host name: {}", escaped(value)));
        }
        client.hello.server_name = pattern->name;
    } else if (name == "--alpn") {
        if (value.empty() || value.size() > 255) return Reason("a protocol has 1 to 255 bytes");
        client.hello.protocols += HelloFacts::of_agreed("", value).protocols;
    } else if (name == "--first-line") {
        client.head = value + "\n";
    } else if (name == "--target") {
        client.head = fmt::format("GET {} HTTP/1.1\r\n\r\n", value);
    } else if (name == "--header") {
        if (client.head.ends_with("\r\n\r\n")) client.head.resize(client.head.size() - 2);
        if (client.head.empty()) client.head = request;
        client.head += value + "\r\n\r\n";
    } else if (name == "--key") {
        client.key = value;
    } else {
        return Reason(fmt::format("usage: {}", explain_usage));
    }
    return {};
}

Result<ShownClient> read_client(std::span<const std::string> words) {
    ShownClient client;
    client.origin.source.is_unix = true;  // while no address is shown
    if (words.size() % 2 != 0) return Reason(fmt::format("usage: {}", explain_usage));
    for (std::size_t i = 0; i < words.size(); i += 2) {
        if (const auto taken = take_option(client, words[i], words[i + 1]); !taken) {
            return taken.error();
        }
    }
    if (client.listener.empty()) return Reason(fmt::format("usage: {}", explain_usage));
    return client;
}

// The routes before `until`, with what the client does not fit; the last of many.
json::array describe_passed(const conf::Listener& listener, const RouteTable& routes,
                            const RouteFacts& facts, std::size_t until) {
    json::array passed;
    for (std::size_t i = until - std::min(until, passed_shown); i < until; ++i) {
        passed.push_back({{"number", i + 1},
                          {"match", listener.routes[i].match.summary()},
                          {"misfit", routes.misfit(i, facts)}});
    }
    return passed;
}

// What the key is read from and is not shown.
Reason lacks_key(const conf::ListenerRoute& route) {
    return Reason(fmt::format("the key comes from {}, which is not shown: add {} or --key KEY",
                              describe_key(route.key),
                              route.key.parts.front().from <= conf::KeyPart::From::source
                                  ? "--source ADDRESS"
                                  : "what the client sends (--first-line, --target, --header)"));
}

}  // namespace

Report report_explain_client(const Control& control, std::span<const std::string> words) {
    auto client = read_client(words);
    if (!client) return client.error();
    const auto& all = control.listeners().all();
    const auto found = all.find(client->listener);
    if (found == all.end()) {
        return Reason(fmt::format("no listener {}", escaped(client->listener)));
    }
    const conf::Listener& listener = found->second.settings;
    Origin origin = client->origin;
    if (!origin.destination && listener.last_port == 0) origin.destination = listener.bind;
    origin.hello = client->hello;
    if (listener.tls) {
        origin.tls = TlsFacts{.server_name = client->hello.server_name,
                              .alpn = std::string(client->hello.first_protocol())};
    }
    const RouteTable routes(listener.routes);
    const RouteFacts facts{
        .source = origin.source, .destination = origin.destination, .hello = &client->hello};
    Preread preread(routes, nullptr, origin);
    if (preread.wants_bytes()) preread.read(client->head);
    json::object answer{{"listener", listener.name},
                        {"route", nullptr},
                        {"passed", describe_passed(listener, routes, facts,
                                                   preread.route().value_or(routes.size()))},
                        {"placed_by", to_string(preread.placed_by())},
                        {"missing", to_string(preread.missing())},
                        {"refused", to_string(preread.refusal())}};
    if (!preread.route()) return answer;
    const conf::ListenerRoute& route = listener.routes[*preread.route()];
    json::object taken = describe_route(route);
    taken["number"] = *preread.route() + 1;
    answer["route"] = std::move(taken);
    if (client->key) {
        answer["refused"] = to_string(CloseReason::none);
    } else if (preread.wants_bytes()) {
        return lacks_key(route);
    } else if (preread.refusal() != CloseReason::none) {
        return answer;
    }
    const auto placement =
        report_explain(control, route.pool, client->key ? *client->key : preread.key());
    if (!placement) return placement.error();
    for (const auto& [name, value] : *placement) answer[name] = value;
    return answer;
}

}  // namespace ringway::proxy
