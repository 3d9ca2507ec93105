// The entries of TLS to others, and of servers and agreements that come from elsewhere.
#include "conf/entries_writer.h"

namespace ringway::conf {

std::string spell_version(TlsVersion version) {
    return version == TlsVersion::v1_2 ? "1.2" : "1.3";
}

// Texts of any bytes, so that no two lists are alike: in the shape of netstrings.
std::string spell_list(const std::vector<std::string>& texts) {
    std::string list;
    for (const auto& text : texts) list += std::to_string(text.size()) + ':' + text + ',';
    return list;
}

void write_alpn(const Writer& to, const std::vector<std::string>& protocols) {
    if (protocols.empty()) return;
    std::string shown;
    for (const auto& each : protocols) shown += (shown.empty() ? "" : ", ") + quoted(each);
    to.text("alpn", spell_list(protocols), '[' + shown + ']');
}

void write_file(const Writer& to, std::string_view name, const std::optional<FilePath>& file) {
    if (file) to.text(name, file->path);
}

void write(const Writer& to, const PoolTls& tls) {
    using From = PoolTls::NameFrom;
    write_file(to, "ca", tls.ca);
    write_file(to, "crl", tls.crl);
    to.text("verify", tls.verifies ? "required" : "none");
    if (tls.name_from == From::text) {
        to.bytes("name", tls.name);
    } else {
        const bool by_id = tls.name_from == From::id;
        to.in("name").text("from", by_id ? "id" : tls.name_from == From::sni ? "sni" : "address");
    }
    if (tls.certificate) {
        to.in("certificate").text("chain", tls.certificate->chain.path);
        to.in("certificate").text("key", tls.certificate->key.path);
    }
    to.text("min_version", spell_version(tls.min_version));
    write_alpn(to, tls.alpn);
    to.text("truncation", tls.allows_truncation ? "allow" : "refuse");
}

namespace {

std::string spell_endpoints(const std::vector<std::string>& endpoints) {
    std::string text;
    for (const auto& each : endpoints) text += (text.empty() ? "" : ", ") + each;
    return '[' + text + ']';
}

void write(const Writer& to, const EtcdSettings& etcd) {
    to.text("endpoints", spell_endpoints(etcd.endpoints));
    if (etcd.tls) conf::write(to.in("tls"), *etcd.tls);
    if (!etcd.user) return;
    to.in("user").text("name", etcd.user->name);
    to.in("user").text("password", etcd.user->password.path);
}

}  // namespace

void write(const Writer& to, const ServersFrom& from) {
    if (from.dns) {
        to.text("dns", from.dns->name.host);
        to.number("port", from.dns->name.port);
    }
    if (from.srv) {
        to.text("srv", from.srv->name);
        to.text("id", from.srv->id == SrvServers::Id::target ? "target" : "target_port");
        to.limit("weight_unit", from.srv->weight_unit);
    }
    if (from.etcd) {
        write(to.in("etcd"), from.etcd->etcd);
        to.in("etcd").text("prefix", from.etcd->prefix);
    }
    to.limit("max_connections", from.max_connections);
    to.in("health").limit("port", from.check_port);
}

void write(const Writer& to, const DnsSettings& dns) {
    using Family = DnsSettings::Family;
    std::vector<std::string> nameservers;
    for (const Endpoint& each : dns.nameservers) nameservers.push_back(each.to_string());
    if (!nameservers.empty()) to.text("nameservers", spell_endpoints(nameservers));
    to.time("timeout", dns.timeout);
    to.number("attempts", dns.attempts);
    to.time("min_ttl", dns.min_ttl);
    to.time("max_ttl", dns.max_ttl);
    to.time("keep_for", dns.keep_for);
    to.text("family", dns.family == Family::both ? "both" : dns.family == Family::v4 ? "v4" : "v6");
}

void write(const Writer& to, const FleetSettings& fleet) {
    if (!fleet.name.empty()) to.text("name", fleet.name);
    to.text("health", fleet.health == FleetSettings::Health::majority ? "majority" : "own");
    to.text("prefix", fleet.prefix);
    write(to.in("etcd"), fleet.etcd);
}

}  // namespace ringway::conf
