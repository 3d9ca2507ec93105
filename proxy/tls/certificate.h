// A certificate with its chain and private key, read from files, and what is wrong with them.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/config.h"
#include "proxy/tls/openssl.h"
#include "proxy/tls/secret.h"

namespace ringway::proxy {

// What was found in the files that a configuration names.
struct TlsFindings {
    std::vector<conf::Error> errors;    // it cannot be used
    std::vector<conf::Error> warnings;  // it can
};

// Where a file is named: adds findings with its place.
class TlsFile {
public:
    TlsFile(const conf::FilePath& file, std::string entry, TlsFindings& findings)
        : file_(file), entry_(std::move(entry)), findings_(findings) {}

    const char* path() const { return file_.path.c_str(); }
    void error(std::string_view what) const { findings_.errors.push_back(finding(what)); }
    void warning(std::string_view what) const { findings_.warnings.push_back(finding(what)); }

    // Its certificates in order; at least one, or an error.
    std::vector<X509Pointer> read_certificates() const;
    // Its private key, or an error. A warning if others than owner and group may read it.
    PrivateKey read_key() const;
    // Its certificate revocation lists; at least one, or an error.
    std::vector<CrlPointer> read_revocations() const;
    std::string read_text() const;              // empty after an error
    std::optional<Secret> read_secret() const;  // none after an error

private:
    template <class Pointer>
    std::vector<Pointer> read_all(auto* read, std::string_view what) const;
    conf::Error finding(std::string_view what) const;

    const conf::FilePath& file_;
    std::string entry_;  // its path in the configuration
    TlsFindings& findings_;
};

struct Certificate {
    std::vector<X509Pointer> chain;  // the server's own first
    PrivateKey key;
    // The names that it is for, in lower case, also "*.example.com": its DNS names, or without any
    // its common name (RFC 6125).
    std::vector<std::string> names;
    std::string ocsp;            // a response for it (RFC 6960), DER; empty for none
    std::time_t ocsp_until = 0;  // when the response expires
    std::string file;            // of the chain

    X509* own() const { return chain.front().get(); }
    std::time_t expires() const;
};

// Reads and checks; nullptr after an error.
std::shared_ptr<const Certificate> read_certificate(const conf::TlsCertificate& files,
                                                    const std::string& entry,
                                                    TlsFindings& findings);

// "CN = site, O = Example", for people.
std::string subject_of(const X509* certificate);
std::string issuer_of(const X509* certificate);
// Of one kind (GEN_DNS, GEN_URI, GEN_EMAIL) among its subject alternative names, as they are.
std::vector<std::string> alternative_names(const X509* certificate, int kind);
// The common name; empty without one.
std::string common_name(const X509* certificate);
// SHA-256 of the certificate, in lower-case hexadecimal digits.
std::string fingerprint_of(const X509* certificate);
std::time_t time_of(const ASN1_TIME* time);

}  // namespace ringway::proxy
