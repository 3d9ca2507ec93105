#include "proxy/tls/context.h"

#include <new>

namespace ringway::proxy {

SslContext make_context(const SSL_METHOD* method, conf::TlsVersion least) {
    SslContext context(SSL_CTX_new(method), SSL_CTX_free);
    if (!context) throw std::bad_alloc();
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_min_proto_version(
        context.get(), least == conf::TlsVersion::v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    return context;
}

std::string alpn_list(const std::vector<std::string>& protocols) {
    std::string list;
    for (const std::string& each : protocols) {
        list += static_cast<char>(each.size());
        list += each;
    }
    return list;
}

bool show(SSL_CTX* context, const Certificate& certificate) {
    const bool taken = SSL_CTX_use_certificate(context, certificate.own()) == 1 &&
                       SSL_CTX_use_PrivateKey(context, certificate.key.get()) == 1;
    if (!taken) return false;
    for (std::size_t i = 1; i < certificate.chain.size(); ++i) {
        SSL_CTX_add1_chain_cert(context, certificate.chain[i].get());
    }
    return true;
}

Authorities read_authorities(const TlsFile& ca, const TlsFile* crl) {
    Authorities authorities{.certificates = ca.read_certificates(), .revoked = {}};
    if (crl != nullptr) authorities.revoked = crl->read_revocations();
    return authorities;
}

void trust(SSL_CTX* context, const Authorities& authorities) {
    X509_STORE* const store = SSL_CTX_get_cert_store(context);
    for (const X509Pointer& each : authorities.certificates) {
        X509_STORE_add_cert(store, each.get());
    }
    for (const CrlPointer& each : authorities.revoked) X509_STORE_add_crl(store, each.get());
    if (authorities.revoked.empty()) return;
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

}  // namespace ringway::proxy
