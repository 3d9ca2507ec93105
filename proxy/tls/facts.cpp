#include "proxy/tls/facts.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "proxy/base/ascii.h"
#include "proxy/tls/certificate.h"

namespace ringway::proxy {

namespace {

std::string first_of(const X509* certificate, int kind) {
    auto names = alternative_names(certificate, kind);
    return names.empty() ? std::string() : std::move(names.front());
}

}  // namespace

TlsFacts facts_of(const SSL* ssl) {
    TlsFacts facts{.version = SSL_get_version(ssl), .cipher = SSL_get_cipher_name(ssl)};
    if (const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) {
        facts.server_name = name;
        std::ranges::transform(facts.server_name, facts.server_name.begin(), lower);
    }
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &protocol, &size);
    if (size > 0) facts.alpn.assign(reinterpret_cast<const char*>(protocol), size);
    facts.resumed = SSL_session_reused(ssl) == 1;
    if (const X509* const certificate = SSL_get0_peer_certificate(ssl)) {
        facts.client = {.subject_cn = common_name(certificate),
                        .san_uri = first_of(certificate, GEN_URI),
                        .san_dns = first_of(certificate, GEN_DNS),
                        .san_email = first_of(certificate, GEN_EMAIL),
                        .fingerprint = fingerprint_of(certificate)};
    }
    return facts;
}

}  // namespace ringway::proxy
