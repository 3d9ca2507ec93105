// The certificates that listeners show.
#include <openssl/evp.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include <boost/json/array.hpp>

#include "proxy/admin/reports.h"
#include "proxy/admin/times.h"
#include "proxy/base/presentable.h"
#include "proxy/control/control.h"
#include "proxy/tls/certificate.h"

namespace ringway::proxy {

namespace json = boost::json;

namespace {

json::object describe(const std::string& listener, const Certificate& certificate,
                      std::time_t now) {
    json::array names;
    for (const std::string& name : certificate.names) names.emplace_back(presentable(name));
    const auto moment = [](std::time_t time) {
        return json::value(rfc3339(std::chrono::system_clock::from_time_t(time)));
    };
    json::value ocsp;
    if (!certificate.ocsp.empty()) ocsp = moment(certificate.ocsp_until);
    return {{"listener", listener},
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

json::object report_certificates(const Control& control) {
    json::array all;
    const std::time_t now = std::time(nullptr);
    for (const auto& [name, listener] : control.listeners().all()) {
        if (listener.tls == nullptr) continue;
        for (const auto& certificate : listener.tls->certificates()) {
            all.push_back(describe(name, *certificate, now));
        }
    }
    return {{"certificates", std::move(all)}};
}

}  // namespace ringway::proxy
