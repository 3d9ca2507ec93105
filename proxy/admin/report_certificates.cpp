// TLS in answers: what listeners and pools have agreed on, and the certificates that they show.
#include <openssl/evp.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include <boost/json/array.hpp>

#include "proxy/admin/certificates.h"
#include "proxy/admin/reports.h"
#include "proxy/admin/times.h"
#include "proxy/base/presentable.h"
#include "proxy/control/control.h"
#include "proxy/tls/certificate.h"

namespace ringway::proxy {

namespace json = boost::json;

namespace {

json::object describe(const CertificateInUse& used, std::time_t now) {
    const Certificate& certificate = *used.certificate;
    json::array names;
    for (const std::string& name : certificate.names) names.emplace_back(presentable(name));
    const auto moment = [](std::time_t time) {
        return json::value(rfc3339(std::chrono::system_clock::from_time_t(time)));
    };
    json::value ocsp;
    if (!certificate.ocsp.empty()) ocsp = moment(certificate.ocsp_until);
    const auto or_none = [](const std::string& name) {
        return name.empty() ? json::value() : json::value(name);
    };
    return {{"listener", or_none(used.listener)},
            {"pool", or_none(used.pool)},
            {"names", std::move(names)},
            {"subject", presentable(subject_of(certificate.own()))},
            {"issuer", presentable(issuer_of(certificate.own()))},
            {"key", EVP_PKEY_get0_type_name(certificate.key.get())},
            {"expires", moment(certificate.expires())},
            {"expires_in_s", certificate.expires() - now},
            {"ocsp_until", std::move(ocsp)},
            {"fingerprint", fingerprint_of(certificate.own())},
            {"file", presentable(certificate.file)}};
}

}  // namespace

json::value report_tls(const Listener& listener) {
    if (listener.tls == nullptr) return nullptr;
    std::uint64_t handshakes = 0;
    std::uint64_t resumed = 0;
    for (const ListenerCounts& one : *listener.counts) {
        handshakes += one.tls_handshakes.value();
        resumed += one.tls_resumed.value();
    }
    const auto& all = listener.tls->certificates();
    const auto& first =
        **std::ranges::min_element(all, {}, [](const auto& each) { return each->expires(); });
    return {{"certificates", all.size()},
            {"handshakes", handshakes},
            {"resumed", resumed},
            {"first_to_expire",
             presentable(first.names.empty() ? subject_of(first.own()) : first.names.front())},
            {"expires_in_s", first.expires() - std::time(nullptr)}};
}

json::value report_tls(const Pool& pool) {
    if (pool.tls.traffic == nullptr) return nullptr;
    return {{"verifies", pool.settings.tls->verifies},
            {"handshakes", sum(pool.counts(), &PoolCounts::tls_handshakes)},
            {"resumed", sum(pool.counts(), &PoolCounts::tls_resumed)}};
}

json::object report_certificates(const Control& control) {
    json::array all;
    const std::time_t now = std::time(nullptr);
    for (const CertificateInUse& used : certificates_in_use(control)) {
        all.push_back(describe(used, now));
    }
    return {{"certificates", std::move(all)}};
}

}  // namespace ringway::proxy
