#include "conf/parse_tls.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "conf/limits.h"
#include "conf/overlap.h"
#include "conf/text.h"

namespace ringway::conf {
namespace {

using std::string_view;

constexpr std::size_t openssl_bytes_max = 4'096;  // of a list in its syntax
constexpr std::size_t protocol_bytes_max = 255;   // RFC 7301, section 3.1
constexpr TextRule host_name_rule{253, true};     // RFC 1035, section 2.3.4, as text
constexpr DurationRule rotate_rule{
    .min = std::chrono::minutes{1}, .max = std::chrono::hours{7 * 24}, .examples = "10m or 12h"};

void read_file_path(Section& section, string_view name, std::optional<FilePath>& file) {
    FilePath found;
    if (read_file_path(section, name, found)) file = std::move(found);
}

// A list in OpenSSL's syntax, which is not read here.
void read_openssl_list(Section& section, string_view name, std::string& list, Position& position) {
    if (section.text(name, list, {openssl_bytes_max})) position = section.where(name);
}

void read_alpn(Section& section, std::vector<std::string>& protocols) {
    Unique names("the protocol");
    section.list("alpn", [&](const Value& value) { read_protocol(value, names, protocols); });
    if (protocols.size() > protocols_max) {
        section.error("alpn", "expected at most " + std::to_string(protocols_max) +
                                  " protocols, found " + std::to_string(protocols.size()));
    }
}

void read_min_version(Section& section, TlsVersion& version) {
    section.choice<TlsVersion>("min_version", version,
                               {{"1.2", TlsVersion::v1_2}, {"1.3", TlsVersion::v1_3}});
}

void read_truncation(Section& section, bool& is_allowed) {
    section.choice<bool>("truncation", is_allowed, {{"refuse", false}, {"allow", true}});
}

void read_certificates(Section& section, std::vector<TlsCertificate>& certificates) {
    section.value("certificates", [&](const Value& list) {
        const auto& node = list.node();
        if (node.kind == Node::Kind::list && node.items.empty() && !node.is_cut) {
            list.error("expected at least one certificate");
        }
        if (node.items.size() > certificates_max) {
            list.error("expected at most " + std::to_string(certificates_max) +
                       " certificates, found " + std::to_string(node.items.size()));
        }
    });
    Unique chains("the chain");
    section.list("certificates", [&](const Value& value) {
        certificates.push_back(read_certificate(value, chains));
    });
}

void read_client(Section& section, ListenerTls::Client& client) {
    read_file_path(section, "ca", client.ca);
    read_file_path(section, "crl", client.crl);
    section.choice<bool>("verify", client.required, {{"required", true}, {"optional", false}});
    section.need({"ca"});
}

// `off`, or a map.
void read_tickets(const Value& value, std::optional<ListenerTls::Tickets>& tickets) {
    if (value.node().kind != Node::Kind::map) {
        constexpr auto* what = "off, or a map of keys and rotate";
        const auto word = value.text(what);
        if (word && *word != "off") return value.expected(what);
        return tickets.reset();
    }
    Section section(value);
    read_file_path(section, "keys", tickets->keys);
    section.duration("rotate", tickets->rotate, rotate_rule);
    section.finish();
}

}  // namespace

void read_protocol(const Value& value, Unique& names, std::vector<std::string>& protocols) {
    const auto name = value.text("the name of a protocol");
    if (!name || !check_text(value, *name, {protocol_bytes_max})) return;
    names.check(value, std::string(*name));
    protocols.emplace_back(*name);
}

bool read_file_path(Section& section, string_view name, FilePath& file) {
    bool good = false;
    section.value(name, [&](const Value& value) {
        constexpr auto* what = "the absolute path of a file";
        const auto text = value.text(what);
        if (!text) return;
        if (!text->starts_with('/') || text->ends_with('/')) return value.expected(what);
        if (!check_text(value, *text, {path_bytes_max})) return;
        file = {std::string(*text), value.position()};
        good = true;
    });
    return good;
}

TlsCertificate read_certificate(const Value& value, Unique& chains) {
    TlsCertificate certificate;
    Section section(value);
    if (read_file_path(section, "chain", certificate.chain)) {
        chains.check(section, "chain", plain_path(certificate.chain.path));
    }
    read_file_path(section, "key", certificate.key);
    read_file_path(section, "ocsp", certificate.ocsp);
    section.need({"chain", "key"});
    section.finish();
    return certificate;
}

void read_listener_tls(Section& section, ListenerTls& tls) {
    using UnknownName = ListenerTls::UnknownName;
    read_certificates(section, tls.certificates);
    section.choice<UnknownName>("unknown_name", tls.unknown_name,
                                {{"first", UnknownName::first}, {"refuse", UnknownName::refuse}});
    read_min_version(section, tls.min_version);
    read_openssl_list(section, "ciphers", tls.ciphers, tls.ciphers_position);
    if (section.has("ciphers") && tls.min_version == TlsVersion::v1_3) {
        section.error("ciphers", R"(has a meaning only for min_version: "1.2")");
    }
    read_openssl_list(section, "ciphersuites", tls.ciphersuites, tls.ciphersuites_position);
    read_openssl_list(section, "groups", tls.groups, tls.groups_position);
    read_alpn(section, tls.alpn);
    section.section("client", [&](Section& inner) { read_client(inner, tls.client.emplace()); });
    section.value("tickets", [&](const Value& value) { read_tickets(value, tls.tickets); });
    read_truncation(section, tls.allows_truncation);
    section.need({"certificates"});
}

namespace {

// A name that servers' certificates can be for.
bool check_host_name(const Value& value, string_view name) {
    if (Endpoint::parse_address(name)) {
        value.error("an IP address is no name: without name the address is verified");
        return false;
    }
    if (!check_text(value, name, host_name_rule)) return false;
    // OpenSSL takes a name that begins with a dot for all the names that end with it.
    if (name.starts_with('.') || name.ends_with('.') || name.find("..") != string_view::npos) {
        value.error("expected a name without empty labels, found " + quoted(name));
        return false;
    }
    return true;
}

// The short form is a host name, the long form says where the name comes from.
void read_server_name(const Value& value, PoolTls& tls) {
    using From = PoolTls::NameFrom;
    if (value.node().kind == Node::Kind::map) {
        Section section(value);
        section.choice<From>("from", tls.name_from,
                             {{"address", From::address}, {"id", From::id}, {"sni", From::sni}});
        section.need({"from"});
        return section.finish();
    }
    const auto name = value.text("a host name, or a map of from");
    if (!name || !check_host_name(value, *name)) return;
    for (const string_view word : {"address", "id", "sni"}) {
        if (*name != word) continue;
        return value.error("expected a host name, did you mean {from: " + std::string(word) + "}?");
    }
    tls.name_from = From::text;
    tls.name = *name;
}

void read_shown_certificate(Section& section, TlsClientCertificate& certificate) {
    read_file_path(section, "chain", certificate.chain);
    read_file_path(section, "key", certificate.key);
    section.need({"chain", "key"});
}

// Whether, and against what, certificates are verified.
void read_authorities(Section& section, PoolTls& tls) {
    read_file_path(section, "ca", tls.ca);
    read_file_path(section, "crl", tls.crl);
    if (section.choice<bool>("verify", tls.verifies, {{"required", true}, {"none", false}})) {
        tls.verify_position = section.where("verify");
    }
    for (const auto* name : {"ca", "crl"}) {
        if (section.has(name) && !tls.verifies) {
            section.error(name, "has a meaning only with verify: required");
        }
    }
}

void read_servers_tls(Section& section, PoolTls& tls) {
    read_authorities(section, tls);
    section.value("name", [&](const Value& name) { read_server_name(name, tls); });
    section.section("certificate", [&](Section& inner) {
        read_shown_certificate(inner, tls.certificate.emplace());
    });
    read_min_version(section, tls.min_version);
    read_alpn(section, tls.alpn);
    read_truncation(section, tls.allows_truncation);
}

}  // namespace

void read_pool_tls(Section& section, PoolTls& tls, bool checks_too) {
    read_servers_tls(section, tls);
    section.boolean("session_reuse", tls.resumes);
    if (tls.name_from == PoolTls::NameFrom::sni && checks_too) {
        section.error("name", "checks know no client's name: needs health: {tls: ...}");
    }
}

void read_etcd_tls(Section& section, PoolTls& tls) {
    read_authorities(section, tls);
    section.value("name", [&](const Value& value) {
        const auto name = value.text("a host name");
        if (!name || !check_host_name(value, *name)) return;
        tls.name_from = PoolTls::NameFrom::text;
        tls.name = *name;
    });
    section.section("certificate", [&](Section& inner) {
        read_shown_certificate(inner, tls.certificate.emplace());
    });
    tls.resumes = false;
}

void read_check_tls(const Value& value, HealthSettings& health, bool pool_has_tls) {
    if (value.node().kind != Node::Kind::map) {
        constexpr auto* what = "off, or a map as tls of the pool";
        const auto word = value.text(what);
        if (!word) return;
        if (*word != "off") return value.expected(what);
        if (!pool_has_tls) value.error("has a meaning only where the pool has tls");
        health.tls_from = HealthSettings::TlsFrom::none;
        return;
    }
    health.tls_from = HealthSettings::TlsFrom::own;
    PoolTls& tls = health.tls.emplace();
    tls.resumes = false;
    Section section(value);
    read_servers_tls(section, tls);
    if (tls.name_from == PoolTls::NameFrom::sni) {
        section.error("name",
                      "checks know no client's name: choose address or id, or write one out");
    }
    if (section.has("session_reuse")) {  // which is not among the known entries
        section.value("session_reuse", [](const Value& reuse) {
            reuse.error("checks resume no session: each makes a full handshake");
        });
    }
    section.finish();
}

}  // namespace ringway::conf
