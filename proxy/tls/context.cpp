#include "proxy/tls/context.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <new>

namespace ringway::proxy {

namespace {

bool is_issued_by_one_of(const std::vector<X509Pointer>& all, X509* certificate) {
    return std::ranges::any_of(all, [&](const X509Pointer& each) {
        return X509_check_issued(each.get(), certificate) == X509_V_OK;
    });
}

// What makes peers be refused that nobody wants to refuse.
void check(const Authorities& authorities, const TlsFile& ca) {
    for (const X509Pointer& each : authorities.certificates) {
        const std::string subject = subject_of(each.get());
        if (X509_cmp_current_time(X509_get0_notAfter(each.get())) < 0) {
            ca.warning(subject + " has expired: no certificate of it is accepted");
        }
        if (!is_issued_by_one_of(authorities.certificates, each.get())) {
            ca.warning("the issuer of " + subject +
                       " is not in the file: chains are verified up to a root");
        }
    }
}

void check_revocations(const Authorities& authorities, const TlsFile& crl) {
    for (const CrlPointer& each : authorities.revoked) {
        const ASN1_TIME* const next = X509_CRL_get0_nextUpdate(each.get());
        if (next != nullptr && X509_cmp_current_time(next) < 0) {
            crl.warning("a list has expired: no certificate of its issuer is accepted");
        }
    }
    for (const X509Pointer& authority : authorities.certificates) {
        const auto is_of = [&](const CrlPointer& each) {
            return X509_NAME_cmp(X509_CRL_get_issuer(each.get()),
                                 X509_get_subject_name(authority.get())) == 0;
        };
        if (std::ranges::none_of(authorities.revoked, is_of)) {
            crl.warning("has no list of " + subject_of(authority.get()) +
                        ": no certificate of it is accepted");
        }
    }
}

}  // namespace

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
    check(authorities, ca);
    if (crl == nullptr) return authorities;
    authorities.revoked = crl->read_revocations();
    if (!authorities.revoked.empty()) check_revocations(authorities, *crl);
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
