#include "tests/support/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace ringway::test {

namespace {

constexpr long day_seconds = 24L * 60 * 60;

template <class Write>
std::string pem_of(Write write) {
    const proxy::BioPointer bio(BIO_new(BIO_s_mem()));
    if (!bio || write(bio.get()) != 1) throw std::runtime_error("no PEM");
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

void extend(X509* certificate, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    if (extension == nullptr) throw std::runtime_error("no extension " + value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

}  // namespace

std::string Credentials::certificate_pem() const {
    return pem_of([this](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); });
}

std::string Credentials::key_pem() const {
    return pem_of([this](BIO* bio) {
        return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
}

Credentials make_certificate(const CertificateWish& wish, const Credentials* issuer) {
    static long serial = 1000;
    Credentials made{proxy::X509Pointer(X509_new()),
                     proxy::PrivateKey(wish.is_rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"))};
    X509* const certificate = made.certificate.get();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), wish.begins_days * day_seconds);
    X509_gmtime_adj(X509_getm_notAfter(certificate), wish.ends_days * day_seconds);
    X509_set_pubkey(certificate, made.key.get());
    X509_NAME* const name = X509_get_subject_name(certificate);
    if (!wish.common_name.empty()) {
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(wish.common_name.c_str()),
                                   -1, -1, 0);
    }
    X509_set_issuer_name(
        certificate, issuer != nullptr ? X509_get_subject_name(issuer->certificate.get()) : name);
    extend(certificate, NID_basic_constraints, wish.is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    std::string alternatives;
    for (const std::string& each : wish.alternatives) {
        alternatives += (alternatives.empty() ? "" : ",") + each;
    }
    if (!alternatives.empty()) extend(certificate, NID_subject_alt_name, alternatives);
    EVP_PKEY* const signer = issuer != nullptr ? issuer->key.get() : made.key.get();
    if (X509_sign(certificate, signer, EVP_sha256()) == 0) throw std::runtime_error("not signed");
    return made;
}

std::string make_revocations(const Credentials& issuer, const std::vector<X509*>& revoked) {
    const proxy::CrlPointer list(X509_CRL_new());
    X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(issuer.certificate.get()));
    ASN1_TIME* const now = X509_gmtime_adj(nullptr, 0);
    ASN1_TIME* const next = X509_gmtime_adj(nullptr, 30 * day_seconds);
    X509_CRL_set1_lastUpdate(list.get(), now);
    X509_CRL_set1_nextUpdate(list.get(), next);
    for (X509* const each : revoked) {
        X509_REVOKED* const entry = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(each));
        X509_REVOKED_set_revocationDate(entry, now);
        X509_CRL_add0_revoked(list.get(), entry);
    }
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    X509_CRL_sort(list.get());
    if (X509_CRL_sign(list.get(), issuer.key.get(), EVP_sha256()) == 0) {
        throw std::runtime_error("not signed");
    }
    return pem_of([&](BIO* bio) { return PEM_write_bio_X509_CRL(bio, list.get()); });
}

}  // namespace ringway::test
