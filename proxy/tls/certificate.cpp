#include "proxy/tls/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <new>
#include <utility>

#include <fmt/format.h>
#include "proxy/base/ascii.h"
#include "proxy/tls/ocsp.h"
#include "proxy/tls/secret.h"

namespace ringway::proxy {

namespace {

using GeneralNames = std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>>;

std::string quoted(std::string_view text) {
    return '"' + std::string(text) + '"';
}

std::string text_of(const ASN1_STRING* string) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
            static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string text_of(const X509_NAME* name) {
    const BioPointer bio(BIO_new(BIO_s_mem()));
    if (!bio) throw std::bad_alloc();
    X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

std::vector<std::string> names_of(const X509* certificate) {
    auto names = alternative_names(certificate, GEN_DNS);
    if (names.empty()) names.push_back(common_name(certificate));
    for (auto& name : names) std::ranges::transform(name, name.begin(), lower);
    std::erase(names, "");
    return names;
}

bool is_self_signed(X509* certificate) {
    return X509_check_issued(certificate, certificate) == X509_V_OK;
}

// Each certificate is signed by the next (RFC 8446, 4.4.2).
void check_order(const std::vector<X509Pointer>& chain, const TlsFile& file) {
    for (std::size_t i = 1; i < chain.size(); ++i) {
        if (X509_check_issued(chain[i].get(), chain[i - 1].get()) == X509_V_OK) continue;
        return file.error("certificate " + std::to_string(i + 1) + " (" +
                          subject_of(chain[i].get()) + ") has not issued the one before it (" +
                          subject_of(chain[i - 1].get()) + ')');
    }
}

// Whether this machine's own roots include the issuer. Clients of a private authority have its
// root, and this machine need not.
bool is_issued_by_known_root(X509* last) {
    using Store = std::unique_ptr<X509_STORE, OpensslFree<X509_STORE_free>>;
    using Context = std::unique_ptr<X509_STORE_CTX, OpensslFree<X509_STORE_CTX_free>>;
    const Store roots(X509_STORE_new());
    const Context context(X509_STORE_CTX_new());
    if (!roots || !context) throw std::bad_alloc();
    X509_STORE_set_default_paths(roots.get());
    X509_STORE_CTX_init(context.get(), roots.get(), nullptr, nullptr);
    X509* issuer = nullptr;
    const bool found = X509_STORE_CTX_get1_issuer(&issuer, context.get(), last) == 1;
    X509_free(issuer);
    return found;
}

void check_chain(const std::vector<X509Pointer>& chain, const TlsFile& file) {
    for (const X509Pointer& each : chain) {
        const std::string subject = subject_of(each.get());
        if (X509_cmp_current_time(X509_get0_notAfter(each.get())) < 0) {
            file.warning(subject + " has expired");
        }
        if (X509_cmp_current_time(X509_get0_notBefore(each.get())) > 0) {
            file.warning(subject + " is not valid yet");
        }
    }
    X509* const last = chain.back().get();
    if (!is_self_signed(last) && !is_issued_by_known_root(last)) {
        file.warning("the issuer of " + subject_of(last) +
                     " is neither in the file nor among this machine's roots: whoever verifies it "
                     "must have it as a root, or an intermediate certificate is missing");
    }
}

}  // namespace

conf::Error TlsFile::finding(std::string_view what) const {
    return {file_.position, entry_, quoted(file_.path) + ": " + std::string(what)};
}

std::optional<Secret> TlsFile::read_secret() const {
    auto content = Secret::read_file(path());
    if (content) return std::move(*content);
    error(content.error().text);
    return std::nullopt;
}

std::string TlsFile::read_text() const {
    const auto content = read_secret();
    return content ? std::string(content->bytes()) : std::string();
}

// All objects of one kind in a PEM file.
template <class Pointer>
std::vector<Pointer> TlsFile::read_all(auto* read, std::string_view what) const {
    std::vector<Pointer> all;
    const auto content = read_secret();
    if (!content) return all;
    ERR_clear_error();
    const std::string_view text = content->bytes();
    const BioPointer bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    while (auto* const next = read(bio.get(), nullptr, nullptr, nullptr)) all.emplace_back(next);
    // The end of the file is an error of the last read.
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const std::string reason = take_openssl_error();
    if (!at_end) {
        error(fmt::format("{} {} is broken: {}", what, all.size() + 1, reason));
        all.clear();
    } else if (all.empty()) {
        error(fmt::format("has no {} in PEM format", what));
    }
    return all;
}

std::vector<X509Pointer> TlsFile::read_certificates() const {
    return read_all<X509Pointer>(PEM_read_bio_X509_AUX, "certificate");
}

std::vector<CrlPointer> TlsFile::read_revocations() const {
    return read_all<CrlPointer>(PEM_read_bio_X509_CRL, "revocation list");
}

PrivateKey TlsFile::read_key() const {
    const auto content = read_secret();
    if (!content) return nullptr;
    struct stat about {};
    if (::stat(path(), &about) == 0 && (about.st_mode & S_IROTH) != 0) {
        warning("everybody on this machine may read it: chmod o= it");
    }
    ERR_clear_error();
    const std::string_view text = content->bytes();
    const BioPointer bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    // Nobody is there to ask for a passphrase.
    const auto no_passphrase = [](char*, int, int, void*) { return -1; };
    PrivateKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
    if (key) return key;
    const bool is_encrypted = text.find("ENCRYPTED") != std::string_view::npos;
    ERR_clear_error();
    error(is_encrypted ? "is encrypted, and there is nobody to ask for its passphrase"
                       : "has no private key (-----BEGIN PRIVATE KEY-----)");
    return nullptr;
}

std::time_t Certificate::expires() const {
    std::time_t first = std::numeric_limits<std::time_t>::max();
    for (const X509Pointer& each : chain) {
        first = std::min(first, time_of(X509_get0_notAfter(each.get())));
    }
    return first;
}

std::shared_ptr<const Certificate> read_certificate(const conf::TlsCertificate& files,
                                                    const std::string& entry,
                                                    TlsFindings& findings) {
    const TlsFile chain_file(files.chain, entry + ".chain", findings);
    const TlsFile key_file(files.key, entry + ".key", findings);
    const auto errors_before = findings.errors.size();
    auto made = std::make_shared<Certificate>();
    made->file = files.chain.path;
    made->chain = chain_file.read_certificates();
    made->key = key_file.read_key();
    if (!made->chain.empty()) {
        check_order(made->chain, chain_file);
        check_chain(made->chain, chain_file);
        made->names = names_of(made->own());
    }
    if (!made->chain.empty() && made->key) {
        if (X509_check_private_key(made->own(), made->key.get()) != 1) {
            key_file.error("does not belong to the certificate in " + quoted(files.chain.path));
        }
        ERR_clear_error();
    }
    if (files.ocsp && findings.errors.size() == errors_before) {
        const TlsFile ocsp_file(*files.ocsp, entry + ".ocsp", findings);
        read_ocsp(ocsp_file, *made);
    }
    if (findings.errors.size() != errors_before) return nullptr;
    return made;
}

std::string subject_of(const X509* certificate) {
    return text_of(X509_get_subject_name(certificate));
}

std::string issuer_of(const X509* certificate) {
    return text_of(X509_get_issuer_name(certificate));
}

std::vector<std::string> alternative_names(const X509* certificate, int kind) {
    std::vector<std::string> found;
    const GeneralNames names(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        int type = 0;
        const void* const value =
            GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
        if (type == kind) found.push_back(text_of(static_cast<const ASN1_STRING*>(value)));
    }
    return found;
}

std::string common_name(const X509* certificate) {
    const X509_NAME* const name = X509_get_subject_name(certificate);
    const int place = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (place < 0) return {};
    unsigned char* utf8 = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, place)));
    if (size < 0) return {};
    std::string text(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
    OPENSSL_free(utf8);
    return text;
}

std::string fingerprint_of(const X509* certificate) {
    std::array<unsigned char, 32> digest{};
    unsigned size = 0;
    if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) throw std::bad_alloc();
    std::string text;
    for (const unsigned char byte : digest)
        fmt::format_to(std::back_inserter(text), "{:02x}", byte);
    return text;
}

std::time_t time_of(const ASN1_TIME* time) {
    std::tm parts{};
    return ASN1_TIME_to_tm(time, &parts) == 1 ? ::timegm(&parts) : 0;
}

}  // namespace ringway::proxy
