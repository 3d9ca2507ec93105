#include "proxy/control/config_file.h"

#include <utility>

#include <fmt/format.h>

#include "proxy/etcd/access.h"
#include "proxy/tls/secret.h"
#include "ring/hash.h"

namespace ringway::proxy {

namespace {

std::vector<std::string> lines_of(const std::vector<conf::Error>& findings,
                                  const std::string& file) {
    std::vector<std::string> lines;
    for (const conf::Error& finding : findings) lines.push_back(finding.to_string(file));
    return lines;
}

PoolTlsClients load_tls(const conf::Pool& pool, TlsFindings& findings, X509Store& roots) {
    const std::string entry = "pools." + pool.name;
    PoolTlsClients tls;
    if (pool.tls) tls.traffic = TlsClient::load(*pool.tls, entry + ".tls", findings, roots);
    if (!pool.health) return tls;
    using From = conf::HealthSettings::TlsFrom;
    if (pool.health->tls_from == From::pool) tls.checks = tls.traffic;
    if (pool.health->tls_from == From::own) {
        tls.checks = TlsClient::load(*pool.health->tls, entry + ".health.tls", findings, roots);
    }
    return tls;
}

// What a cluster is spoken to with. Its password is read again when it is sent.
std::shared_ptr<const TlsClient> load_etcd(const conf::EtcdSettings& etcd, const std::string& entry,
                                           TlsFindings& findings, X509Store& roots) {
    if (etcd.user) {
        const TlsFile file(etcd.user->password, entry + ".user.password", findings);
        if (const auto secret = Secret::read_file(file.path()); !secret) {
            file.error(secret.error().text);
        }
    }
    return load_etcd_tls(etcd, entry + ".tls", findings, roots);
}

TlsFiles load_tls(const conf::Config& config, TlsFindings& findings) {
    TlsFiles files;
    for (std::size_t i = 0; i < config.listeners.size(); ++i) {
        const conf::Listener& listener = config.listeners[i];
        if (!listener.tls) continue;
        const std::string entry = fmt::format("listeners[{}].tls", i);
        files.listeners[listener.name] =
            TlsServer::load(*listener.tls, listener.name, entry, findings);
    }
    X509Store roots;
    for (const conf::Pool& pool : config.pools) {
        PoolTlsClients tls = load_tls(pool, findings, roots);
        if (tls.traffic || tls.checks) files.pools[pool.name] = std::move(tls);
        if (!pool.servers_from.etcd) continue;
        files.etcd[pool.name] =
            load_etcd(pool.servers_from.etcd->etcd, "pools." + pool.name + ".servers_from.etcd",
                      findings, roots);
    }
    if (config.fleet) {
        files.etcd[""] = load_etcd(config.fleet->etcd, "fleet.etcd", findings, roots);
    }
    return files;
}

}  // namespace

Result<ConfigFile, Reasons> load_config(const std::string& file) {
    const auto text = conf::read_file(file);
    if (!text) return Reasons{{text.error().to_string(file)}};
    auto parsed = conf::parse(*text);
    if (!parsed) return Reasons{lines_of(parsed.error(), file)};
    TlsFindings findings;
    auto tls = load_tls(*parsed, findings);
    if (!findings.errors.empty()) return Reasons{lines_of(findings.errors, file)};
    std::string fingerprint;
    for (const std::uint8_t byte : ring::sha256({*text})) {
        fingerprint += fmt::format("{:02x}", byte);
    }
    return ConfigFile{std::move(*parsed), std::move(fingerprint), std::move(tls),
                      lines_of(findings.warnings, file)};
}

}  // namespace ringway::proxy
