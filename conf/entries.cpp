#include "conf/entries.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/entries_writer.h"
#include "conf/scalar.h"
#include "conf/text.h"

namespace ringway::conf {
namespace {

std::string spell_decimal(double value) {
    std::string text = std::to_string(value);  // six decimals, as the file may have
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text;
}

// As ip_address() reads it: without a port.
std::string spell_host(const Endpoint& endpoint) {
    const std::string text = endpoint.to_string();
    return endpoint.is_v6 ? text.substr(1, text.rfind(']') - 1) : text.substr(0, text.rfind(':'));
}

std::string spell_engine(Engine engine) {
    if (engine == Engine::automatic) return "auto";
    return engine == Engine::epoll ? "epoll" : "io_uring";
}

std::string spell_leaving(const Leaving& leaving) {
    switch (leaving.way) {
        case Leaving::Way::keep:
            return "keep";
        case Leaving::Way::reset:
            return "reset";
        case Leaving::Way::drain:
            break;
    }
    return "drain: " + spell(leaving.over);
}

std::string spell_statuses(const HttpCheck& check) {
    return std::to_string(check.least_status) + '-' + std::to_string(check.greatest_status);
}

void write(const Writer& to, const KeyPart& part) {
    using From = KeyPart::From;
    to.text("from", std::string(to_string(part.from)));
    if (part.from == From::source_ip) {
        to.number("prefix_v4", static_cast<std::uint64_t>(part.prefix_v4));
        to.number("prefix_v6", static_cast<std::uint64_t>(part.prefix_v6));
    }
    to.bytes("name", part.name);
    if (part.from == From::field) to.number("number", part.number);
    to.bytes("separator", part.separator);
    if (part.from == From::bytes) to.number("offset", part.offset);
    to.limit("length", part.length);
    to.bytes("pattern", part.pattern);
    if (part.from == From::regex) to.number("group", static_cast<std::uint64_t>(part.group));
    if (part.from == From::proxy_tlv) to.number("type", part.type);
    if (part.from == From::client_cert) to.text("field", std::string(to_string(part.cert_field)));
}

void write(const Writer& to, const KeySettings& key) {
    if (key.parts.size() == 1) {
        write(to, key.parts.front());
    } else {
        std::size_t index = 0;
        for (const KeyPart& part : key.parts) {
            write(to.in("parts[" + std::to_string(index++) + ']'), part);
        }
    }
    to.text("max_bytes", spell_size_bytes(key.max_bytes));
    const bool rejects = key.on_missing == KeySettings::OnMissing::reject;
    const bool by_source = key.on_missing == KeySettings::OnMissing::source_ip;
    to.text("on_missing", rejects ? "reject" : by_source ? "source_ip" : "random");
    to.in("on_missing").time_or_none("after", key.silent_after);
}

void write(const Writer& to, const ListenerRoute& route) {
    to.text("pool", route.pool);
    write(to.in("key"), route.key);
}

// Routes are known by what they ask for. Their order is a value of its own: the first that fits
// decides.
void write(const Writer& to, const std::vector<ListenerRoute>& routes) {
    if (routes.size() == 1 && routes.front().match.is_empty()) return write(to, routes.front());
    std::vector<std::string> matches;
    std::map<std::string, std::size_t> seen;
    for (const ListenerRoute& each : routes) {
        matches.push_back(each.match.to_string());
        std::string name = each.match.summary();
        if (const auto before = seen[name]++; before > 0) name += " #" + std::to_string(before + 1);
        write(to.in("routes[" + name + ']'), each);
    }
    if (routes.empty()) return;
    to.text("routes", spell_list(matches),
            std::to_string(matches.size()) + ", the first for " + routes.front().match.summary());
}

// Their order is a value of its own: it decides which is the first, and which of two that fit.
void write(const Writer& to, const std::vector<TlsCertificate>& certificates) {
    if (certificates.empty()) return;
    std::vector<std::string> chains;
    for (const auto& each : certificates) {
        chains.push_back(each.chain.path);
        const Writer one = to.in("certificates[" + each.chain.path + ']');
        one.text("key", each.key.path);
        write_file(one, "ocsp", each.ocsp);
    }
    to.text("certificates", spell_list(chains),
            std::to_string(chains.size()) + ", the first of " + chains.front());
}

void write(const Writer& to, const ListenerTls& tls) {
    write(to, tls.certificates);
    to.text("unknown_name",
            tls.unknown_name == ListenerTls::UnknownName::first ? "first" : "refuse");
    to.text("min_version", spell_version(tls.min_version));
    to.bytes("ciphers", tls.ciphers);
    to.bytes("ciphersuites", tls.ciphersuites);
    to.bytes("groups", tls.groups);
    write_alpn(to, tls.alpn);
    if (tls.client) {
        const Writer client = to.in("client");
        client.text("ca", tls.client->ca.path);
        write_file(client, "crl", tls.client->crl);
        client.text("verify", tls.client->required ? "required" : "optional");
    }
    if (tls.tickets) {
        write_file(to.in("tickets"), "keys", tls.tickets->keys);
        to.in("tickets").time("rotate", tls.tickets->rotate);
    } else {
        to.text("tickets", "off");
    }
    to.text("truncation", tls.allows_truncation ? "allow" : "refuse");
}

}  // namespace

Entries entries_of(const Listener& listener) {
    Entries entries;
    const Writer to(entries);
    to.text("bind", listener.bind_text());
    to.time_or_none("defer_accept", listener.defer_accept);
    write(to, listener.routes);
    if (listener.proxy_protocol) {
        const Writer proxy = to.in("proxy_protocol");
        std::string versions = listener.proxy_protocol->v1 ? "v1" : "";
        if (listener.proxy_protocol->v2) versions += versions.empty() ? "v2" : ", v2";
        proxy.text("accept", versions);
        std::string trusted;
        for (const Network& network : listener.proxy_protocol->trusted) {
            trusted += (trusted.empty() ? "" : ", ") + to_string(network);
        }
        proxy.text("trusted", trusted);
    }
    if (listener.tls) write(to.in("tls"), *listener.tls);
    const Writer timeouts = to.in("timeouts");
    timeouts.time("key", listener.timeouts.key);
    timeouts.time("idle", listener.timeouts.idle);
    timeouts.time("half_close", listener.timeouts.half_close);
    timeouts.time("unacknowledged", listener.timeouts.unacknowledged);
    timeouts.time("keepalive", listener.timeouts.keepalive);
    to.limit("max_connections", listener.max_connections);
    return entries;
}

Entries entries_of(const Server& server) {
    Entries entries;
    const Writer to(entries);
    to.text("address", server.address.to_string());
    to.number("weight", server.weight);
    to.limit("max_connections", server.max_connections);
    if (server.check_address && !server.address.host.empty() &&
        server.check_address->address == Endpoint{}.address) {
        to.in("health").number("port", server.check_address->port);
    } else if (server.check_address) {
        to.in("health").text("address", server.check_address->to_string());
    }
    return entries;
}

namespace {

void write(const Writer& to, const HashSettings& hash) {
    const bool maglev = hash.algorithm == HashSettings::Algorithm::maglev;
    to.text("algorithm", maglev ? "maglev" : "ring");
    to.text("function", hash.function == HashSettings::Function::sha256 ? "sha256" : "xxh3");
    if (!maglev) to.number("vnodes", hash.vnodes);
    if (!hash.seed.empty()) to.text("seed", hash.seed, "(not shown)");
    to.number("mapping", hash.mapping);
    if (hash.balance_factor > 0) to.text("balance_factor", spell_decimal(hash.balance_factor));
}

void write(const Writer& to, const ConnectSettings& connect) {
    to.time("timeout", connect.timeout);
    to.number("attempts", connect.attempts);
    to.time_or_none("budget", connect.budget);
    if (connect.source_v4) to.text("source_v4", spell_host(*connect.source_v4));
    if (connect.source_v6) to.text("source_v6", spell_host(*connect.source_v6));
}

void write(const Writer& to, const SendProxy& send) {
    if (send.version == SendProxy::Version::none) return;
    to.text("send", send.version == SendProxy::Version::v1 ? "v1" : "v2");
    to.flag("authority", send.authority);
    to.flag("unique_id", send.unique_id);
    to.flag("tls", send.tls);
}

void write(const Writer& to, const HealthSettings& health) {
    to.time("interval", health.interval);
    to.time("timeout", health.timeout);
    to.number("rise", health.rise);
    to.number("fall", health.fall);
    to.time_or_none("fast_interval", health.fast_interval);
    to.text("initial", health.initial == HealthSettings::Initial::up ? "up" : "down");
    to.bytes("send", health.send);
    (health.expect_anywhere ? to.in("expect") : to)
        .bytes(health.expect_anywhere ? "anywhere" : "expect", health.expect);
    if (health.http) {
        const Writer http = to.in("http");
        http.text("method", health.http->method);
        http.text("path", health.http->path);
        http.bytes("host", health.http->host);
        http.text("status", spell_statuses(*health.http));
    }
    if (health.tls_from == HealthSettings::TlsFrom::none) to.text("tls", "off");
    if (health.tls) write(to.in("tls"), *health.tls);
}

void write(const Writer& to, const PassiveSettings& passive) {
    to.number("failures", passive.failures);
    to.time("within", passive.within);
    to.flag("early_resets", passive.early_resets);
    to.time("retry", passive.retry);
    to.time("retry_max", passive.retry_max);
}

}  // namespace

Entries entries_of(const Pool& pool) {
    Entries entries;
    const Writer to(entries);
    write(to.in("hash"), pool.hash);
    write(to.in("connect"), pool.connect);
    write(to.in("proxy_protocol"), pool.send_proxy);
    if (pool.tls) {
        write(to.in("tls"), *pool.tls);
        to.in("tls").flag("session_reuse", pool.tls->resumes);
    }
    if (pool.health) write(to.in("health"), *pool.health);
    if (pool.passive) write(to.in("passive"), *pool.passive);
    to.bytes("fallback", pool.fallback);
    to.text("on_down", spell_leaving(pool.on_down));
    to.text("on_removed", spell_leaving(pool.on_removed));
    to.text("panic", spell_decimal(pool.panic));
    to.time_or_none("slow_start", pool.slow_start);
    write(to.in("servers_from"), pool.servers_from);
    return entries;
}

Entries entries_of(const Config& config) {
    Entries entries;
    const Writer to(entries);
    to.fixed().text("workers", config.workers == 0 ? "auto" : std::to_string(config.workers));
    to.fixed().text("engine", spell_engine(config.engine));
    to.time_or_none("drain_delay", config.drain_delay);
    to.time("drain_timeout", config.drain_timeout);
    const Writer opened = to.fixed().in("admin");  // at the start
    opened.bytes("socket", config.admin.socket);
    if (config.admin.http) opened.text("http", config.admin.http->to_string());
    opened.bytes("state", config.admin.state);
    if (config.admin.ready) {
        std::string names;
        for (const auto& name : *config.admin.ready) names += (names.empty() ? "" : ", ") + name;
        to.in("admin").text("ready", '[' + names + ']');
    }
    using Level = LogSettings::Level;
    const Level level = config.log.level;
    to.in("log").text("level", level == Level::debug  ? "debug"
                               : level == Level::info ? "info"
                               : level == Level::warn ? "warn"
                                                      : "error");
    to.in("log").text("target", config.log.target);
    to.in("log").text("format", config.log.format == LogSettings::Format::json ? "json" : "text");
    to.in("log").flag("access", config.log.access);
    write(to.in("dns"), config.dns);
    if (config.fleet) write(to.in("fleet"), *config.fleet);
    return entries;
}

}  // namespace ringway::conf
