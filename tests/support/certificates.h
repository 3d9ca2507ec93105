// Certificates that tests make for themselves, as text in PEM format.
#pragma once

#include <string>
#include <vector>

#include "proxy/tls/openssl.h"

namespace ringway::test {

struct Credentials {
    proxy::X509Pointer certificate;
    proxy::PrivateKey key;

    std::string certificate_pem() const;
    std::string key_pem() const;
};

struct CertificateWish {
    std::string common_name = "test";
    std::vector<std::string> alternatives{};  // in OpenSSL's syntax, "DNS:a.example", "URI:x"
    bool is_authority = false;
    bool is_rsa = false;
    long begins_days = -1;  // from now
    long ends_days = 30;
};

// Signed by `issuer`, or by itself.
Credentials make_certificate(const CertificateWish& wish, const Credentials* issuer = nullptr);

// A list of `issuer` that revokes `revoked`, in PEM format.
std::string make_revocations(const Credentials& issuer, const std::vector<X509*>& revoked);

}  // namespace ringway::test
