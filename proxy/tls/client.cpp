#include "proxy/tls/client.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <new>
#include <optional>
#include <utility>

#include "proxy/tls/context.h"

namespace ringway::proxy {

namespace {

// RFC 6066, 3: what OpenSSL takes for the extension.
constexpr std::size_t name_bytes_max = TLSEXT_MAXLEN_host_name;

std::uint64_t next_number() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

// The name or the address that the server's certificate must be for; empty for none.
std::string expected_of(SSL* ssl) {
    X509_VERIFY_PARAM* const expected = SSL_get0_param(ssl);
    if (const char* const host = X509_VERIFY_PARAM_get0_host(expected, 0)) return host;
    // Without one it is an error, which is not to become one of the session.
    ERR_set_mark();
    char* const address = X509_VERIFY_PARAM_get1_ip_asc(expected);
    ERR_pop_to_mark();
    std::string text = address != nullptr ? address : "";
    OPENSSL_free(address);
    return text;
}

std::time_t verified_until(const SSL* ssl) {
    std::time_t until = std::time(nullptr) + TlsClient::resumed_for_s;
    const STACK_OF(X509)* const chain = SSL_get0_verified_chain(ssl);
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        until = std::min(until, time_of(X509_get0_notAfter(sk_X509_value(chain, i))));
    }
    return until;
}

}  // namespace

TlsClient::TlsClient(conf::PoolTls settings)
    : settings_(std::move(settings)),
      number_(next_number()),
      context_(make_context(TLS_client_method(), settings_.min_version)) {}

std::shared_ptr<const TlsClient> TlsClient::load(const conf::PoolTls& settings,
                                                 const std::string& entry, TlsFindings& findings,
                                                 X509Store& roots) {
    const auto errors_before = findings.errors.size();
    const std::shared_ptr<TlsClient> client(new TlsClient(settings));
    SSL_CTX* const context = client->context_.get();
    SSL_CTX_set_cipher_list(context, default_ciphers);
    SSL_CTX_set1_groups_list(context, default_groups);
    client->read_certificate(entry, findings);
    client->read_trust(entry, findings, roots);
    if (const std::string protocols = alpn_list(settings.alpn); !protocols.empty()) {
        const auto* const bytes = reinterpret_cast<const unsigned char*>(protocols.data());
        SSL_CTX_set_alpn_protos(context, bytes, static_cast<unsigned>(protocols.size()));
    }
    if (settings.resumes) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, &TlsClient::on_session);
    }
    SSL_CTX_set_app_data(context, client.get());
    ERR_clear_error();
    if (findings.errors.size() != errors_before) return nullptr;
    return client;
}

void TlsClient::read_certificate(const std::string& entry, TlsFindings& findings) {
    if (!settings_.certificate) return;
    const std::string own_entry = entry + ".certificate";
    const auto& [chain, key] = *settings_.certificate;
    certificate_ = proxy::read_certificate({chain, key, std::nullopt}, own_entry, findings);
    if (!certificate_ || show(context_.get(), *certificate_)) return;
    TlsFile(chain, own_entry + ".chain", findings)
        .error("OpenSSL refuses it: " + take_openssl_error());
}

void TlsClient::read_trust(const std::string& entry, TlsFindings& findings, X509Store& roots) {
    if (!settings_.verifies) {
        findings.warnings.push_back({settings_.verify_position, entry + ".verify",
                                     "servers are not verified: whoever is in between can read and "
                                     "change what they are sent"});
        return;
    }
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    std::optional<TlsFile> crl;
    if (settings_.crl) crl.emplace(*settings_.crl, entry + ".crl", findings);
    if (settings_.ca) {
        const TlsFile ca(*settings_.ca, entry + ".ca", findings);
        return trust(context_.get(), read_authorities(ca, crl ? &*crl : nullptr));
    }
    if (crl) {
        SSL_CTX_set_default_verify_paths(context_.get());
        return trust(context_.get(), {.certificates = {}, .revoked = crl->read_revocations()});
    }
    if (!roots) {
        roots = X509Store(X509_STORE_new(), X509_STORE_free);
        if (!roots) throw std::bad_alloc();
        X509_STORE_set_default_paths(roots.get());
    }
    SSL_CTX_set1_cert_store(context_.get(), roots.get());
}

Ssl TlsClient::connect(const Peer& peer, KeptTlsSession* kept) const {
    Ssl ssl(SSL_new(context_.get()));
    if (!ssl) throw std::bad_alloc();
    SSL_set_connect_state(ssl.get());
    const std::string name(name_of(peer));
    const bool expects =
        name.empty() ? expect_address(ssl.get(), peer.address) : expect_name(ssl.get(), name);
    if (ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE) throw std::bad_alloc();
    ERR_clear_error();
    if (!expects) return nullptr;
    if (kept == nullptr || !settings_.resumes) return ssl;
    SSL_set_app_data(ssl.get(), kept);
    resume(ssl.get(), *kept);
    return ssl;
}

void TlsClient::resume(SSL* ssl, const KeptTlsSession& kept) const {
    if (kept.client != number_ || !kept.session || kept.until <= std::time(nullptr)) return;
    if (kept.name != expected_of(ssl)) return;
    // Of OpenSSL's own a session of TLS 1.3 is resumed once, and not every server gives another.
    const SslSession copy{SSL_SESSION_dup(kept.session.get())};
    if (copy) SSL_set_session(ssl, copy.get());
}

// Empty where its IP address is what counts.
std::string_view TlsClient::name_of(const Peer& peer) const {
    using From = conf::PoolTls::NameFrom;
    switch (settings_.name_from) {
        case From::address:
            return peer.host;
        case From::text:
            return settings_.name;
        case From::sni:
            return peer.asked_for;
        case From::id:
            return peer.id;
    }
    return {};
}

// A name that is an IP address is expected as such, and not asked for (RFC 6066, 3).
bool TlsClient::expect_name(SSL* ssl, const std::string& name) const {
    // OpenSSL takes a dot in front for any name below.
    const bool is_host = name.find('\0') == std::string::npos && !name.starts_with('.');
    if (!is_host || name.size() > name_bytes_max) return false;
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1) return true;
    std::string asked = name;
    // The macro for this has a cast of C.
    if (SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, asked.data()) != 1) {
        return false;
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name.c_str()) == 1;
}

bool TlsClient::expect_address(SSL* ssl, const conf::Endpoint& address) const {
    if (address.is_unix) return true;
    const std::size_t size = address.is_v6 ? 16 : 4;
    return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), address.address.data(), size) == 1;
}

// A server gives sessions after the handshake, several of them (RFC 8446, 4.6.1). 1: it is kept
// here (SSL_CTX_sess_set_new_cb(3)).
int TlsClient::on_session(SSL* ssl, SSL_SESSION* session) {
    auto* const kept = static_cast<KeptTlsSession*>(SSL_get_app_data(ssl));
    if (kept == nullptr) return 0;
    const auto* const client =
        static_cast<const TlsClient*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    kept->session.reset(session);
    kept->client = client->number_;
    kept->name = expected_of(ssl);
    // A session that comes of another one was verified with that.
    if (SSL_session_reused(ssl) == 0) kept->until = verified_until(ssl);
    return 1;
}

}  // namespace ringway::proxy
