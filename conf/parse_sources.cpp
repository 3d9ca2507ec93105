#include "conf/parse_sources.h"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "conf/limits.h"
#include "conf/parse_tls.h"
#include "conf/text.h"

namespace ringway::conf {
namespace {

using std::string_view;

constexpr std::size_t nameservers_max = 16;
constexpr std::size_t endpoints_max = 16;
constexpr std::int64_t connections_max = 1'000'000'000;
constexpr std::int64_t srv_weight_max = 65'535;  // RFC 2782
constexpr TextRule prefix_rule{1'024};
constexpr TextRule user_rule{255};
constexpr DurationRule query_rule{.min = std::chrono::milliseconds{10},
                                  .max = std::chrono::minutes{1},
                                  .examples = "500ms or 2s"};
constexpr DurationRule ttl_rule{
    .min = std::chrono::seconds{1}, .max = std::chrono::hours{24}, .examples = "5s or 10m"};

constexpr auto* address_and_port =
    R"(an IP address and a port, as 192.0.2.1:53 or, in quotes, "[2001:db8::1]:53")";
constexpr auto* host_and_port =
    R"(a host and a port, as etcd-1.example:2379, 192.0.2.1:2379 or "[2001:db8::1]:2379")";

bool read_host_name(Section& section, string_view name, std::string& out) {
    bool good = false;
    section.value(name, [&](const Value& value) {
        constexpr auto* what = "the name of a host, as redis.example";
        const auto text = value.text(what);
        if (!text) return;
        auto host = parse_host_name(*text);
        if (!host) return value.expected(what);
        out = std::move(*host);
        good = true;
    });
    return good;
}

// A prefix of keys is meant with or without its last slash.
void read_prefix(Section& section, std::string& prefix) {
    if (!section.text("prefix", prefix, prefix_rule)) return;
    if (!prefix.ends_with('/')) prefix += '/';
    if (prefix == "/") section.error("prefix", "expected a prefix of its own, as /ringway/redis/");
}

void read_endpoint(const Value& value, Unique& seen, std::vector<std::string>& endpoints) {
    const auto text = value.text(host_and_port);
    if (!text) return;
    std::string spelling;
    if (const auto address = Endpoint::parse(*text); address && !address->is_unix) {
        spelling = address->to_string();
    } else if (const auto host = HostPort::parse(*text)) {
        spelling = host->to_string();
    } else {
        return value.expected(host_and_port);
    }
    seen.check(value, spelling);
    endpoints.push_back(std::move(spelling));
}

void read_user(Section& section, EtcdSettings::User& user) {
    section.text("name", user.name, user_rule);
    read_file_path(section, "password", user.password);
    section.need({"name", "password"});
}

void read_etcd(Section& section, EtcdSettings& etcd) {
    Unique seen("the endpoint");
    section.value("endpoints", [&](const Value& list) {
        const auto& node = list.node();
        if (node.kind == Node::Kind::list && node.items.empty() && !node.is_cut) {
            list.error("expected at least one endpoint");
        }
        if (node.items.size() > endpoints_max) {
            list.error("expected at most " + std::to_string(endpoints_max) + " endpoints, found " +
                       std::to_string(node.items.size()));
        }
    });
    section.list("endpoints",
                 [&](const Value& value) { read_endpoint(value, seen, etcd.endpoints); });
    section.section("tls", [&](Section& inner) { read_etcd_tls(inner, etcd.tls.emplace()); });
    section.section("user", [&](Section& inner) { read_user(inner, etcd.user.emplace()); });
    section.need({"endpoints"});
}

void read_srv(Section& section, ServersFrom& from) {
    using Id = SrvServers::Id;
    SrvServers srv;
    const bool is_there = section.has("srv");
    if (read_host_name(section, "srv", srv.name)) {
        section.choice<Id>("id", srv.id,
                           {{"target", Id::target}, {"target_port", Id::target_port}});
        section.integer("weight_unit", srv.weight_unit, 1, srv_weight_max);
        from.srv = std::move(srv);
        return;
    }
    for (const auto* name : {"id", "weight_unit"}) {
        section.value(name, [&](const Value& value) {
            if (!is_there) value.error("has a meaning only with srv");
        });
    }
}

void read_dns_servers(Section& section, ServersFrom& from) {
    DnsServers dns;
    const bool named = read_host_name(section, "dns", dns.name.host);
    const bool ported = section.integer("port", dns.name.port, 1, 65'535);
    if (section.has("dns") && !section.has("port")) section.error("dns", "needs port");
    if (section.has("port") && !section.has("dns")) {
        section.error("port", "has a meaning only with dns");
    }
    if (section.has("dns") && section.has("srv")) {
        section.error("dns", "contradicts srv, at " + to_string(section.where("srv")));
    }
    if (named && ported) from.dns = std::move(dns);
}

}  // namespace

bool read_server_address(Section& section, Server& server) {
    bool good = false;
    section.value("address", [&](const Value& value) {
        constexpr auto* what =
            R"(an IP address and a port, as 192.0.2.1:80 or, in quotes, "[2001:db8::1]:80", )"
            "the name of a host and a port, as db-0.example:80, or unix:/path";
        const auto text = value.text(what);
        if (!text) return;
        auto address = ServerAddress::parse(*text);
        if (!address) return value.expected(what);
        server.address = std::move(*address);
        good = true;
    });
    return good;
}

void read_dns(Section& section, DnsSettings& dns) {
    using Family = DnsSettings::Family;
    Unique seen("the nameserver");
    section.list("nameservers", [&](const Value& value) {
        const auto text = value.text(address_and_port);
        if (!text) return;
        const auto address = Endpoint::parse(*text);
        if (!address || address->is_unix) return value.expected(address_and_port);
        seen.check(value, address->to_string());
        dns.nameservers.push_back(*address);
    });
    if (section.has("nameservers") && dns.nameservers.size() > nameservers_max) {
        section.error("nameservers", "expected at most " + std::to_string(nameservers_max) +
                                         " nameservers, found " +
                                         std::to_string(dns.nameservers.size()));
    }
    section.duration("timeout", dns.timeout, query_rule);
    section.integer("attempts", dns.attempts, 1, 10);
    section.duration("min_ttl", dns.min_ttl, ttl_rule);
    section.duration("max_ttl", dns.max_ttl, ttl_rule);
    if (dns.max_ttl < dns.min_ttl) {
        section.error(section.has("max_ttl") ? "max_ttl" : "min_ttl",
                      "max_ttl is less than min_ttl");
    }
    section.duration("keep_for", dns.keep_for);
    section.choice<Family>("family", dns.family,
                           {{"both", Family::both}, {"v4", Family::v4}, {"v6", Family::v6}});
}

void read_servers_from(Section& section, ServersFrom& from, bool checked) {
    read_dns_servers(section, from);
    read_srv(section, from);
    section.section("etcd", [&](Section& inner) {
        EtcdServers& servers = from.etcd.emplace();
        read_etcd(inner, servers.etcd);
        read_prefix(inner, servers.prefix);
        inner.need({"prefix"});
    });
    section.integer("max_connections", from.max_connections, 1, connections_max);
    section.section("health", [&](Section& inner) {
        inner.integer("port", from.check_port, 1, 65'535);
        inner.need({"port"});
        if (!checked) inner.error("has a meaning only where the pool has health");
    });
    if (!section.has("dns") && !section.has("srv") && !section.has("etcd")) {
        section.error("expected dns, srv or etcd");
    }
}

void read_fleet(Section& section, FleetSettings& fleet) {
    using Health = FleetSettings::Health;
    section.text("name", fleet.name, name_rule);
    section.choice<Health>("health", fleet.health,
                           {{"majority", Health::majority}, {"own", Health::own}});
    read_prefix(section, fleet.prefix);
    section.section("etcd", [&](Section& inner) { read_etcd(inner, fleet.etcd); });
    section.need({"etcd"});
}

}  // namespace ringway::conf
