#include "proxy/tls/ocsp.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <limits>
#include <new>

namespace ringway::proxy {

namespace {

using Response = std::unique_ptr<OCSP_RESPONSE, OpensslFree<OCSP_RESPONSE_free>>;
using BasicResponse = std::unique_ptr<OCSP_BASICRESP, OpensslFree<OCSP_BASICRESP_free>>;
using CertificateId = std::unique_ptr<OCSP_CERTID, OpensslFree<OCSP_CERTID_free>>;

// The answer about `certificate` among those of `response`; nullptr if there is none.
OCSP_SINGLERESP* find_answer(OCSP_BASICRESP* response, const Certificate& certificate) {
    if (certificate.chain.size() < 2) return nullptr;
    for (int i = 0; i < OCSP_resp_count(response); ++i) {
        OCSP_SINGLERESP* const answer = OCSP_resp_get0(response, i);
        const auto* const id = OCSP_SINGLERESP_get0_id(answer);
        ASN1_OBJECT* digest = nullptr;
        OCSP_id_get0_info(nullptr, &digest, nullptr, nullptr, const_cast<OCSP_CERTID*>(id));
        const EVP_MD* const function = EVP_get_digestbyobj(digest);
        if (function == nullptr) continue;
        const CertificateId own(
            OCSP_cert_to_id(function, certificate.own(), certificate.chain[1].get()));
        if (own && OCSP_id_cmp(own.get(), id) == 0) return answer;
    }
    return nullptr;
}

}  // namespace

void read_ocsp(const TlsFile& file, Certificate& certificate) {
    const std::string text = file.read_text();
    if (text.empty()) return;
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    const Response response(d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(text.size())));
    ERR_clear_error();
    if (!response) return file.error("is no OCSP response (DER)");
    if (certificate.chain.size() < 2) {
        return file.error("cannot be checked: the chain lacks the certificate of the issuer");
    }
    const int status = OCSP_response_status(response.get());
    const BasicResponse basic(OCSP_response_get1_basic(response.get()));
    ERR_clear_error();
    if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL || !basic) {
        return file.error("is an OCSP response without an answer: " +
                          std::string(OCSP_response_status_str(status)));
    }
    OCSP_SINGLERESP* const answer = find_answer(basic.get(), certificate);
    if (answer == nullptr) return file.error("is an OCSP response for another certificate");
    ASN1_GENERALIZEDTIME* until = nullptr;
    const int verdict = OCSP_single_get0_status(answer, nullptr, nullptr, nullptr, &until);
    if (verdict != V_OCSP_CERTSTATUS_GOOD) {
        return file.error("says that the certificate is " +
                          std::string(OCSP_cert_status_str(verdict)));
    }
    certificate.ocsp_until =
        until != nullptr ? time_of(until) : std::numeric_limits<std::time_t>::max();
    certificate.ocsp = text;
    if (certificate.ocsp_until <= std::time(nullptr)) {
        file.warning("has expired, and is not sent to clients");
    }
}

}  // namespace ringway::proxy
