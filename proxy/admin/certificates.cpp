#include "proxy/admin/certificates.h"

#include "proxy/control/control.h"

namespace ringway::proxy {

std::vector<CertificateInUse> certificates_in_use(const Control& control) {
    std::vector<CertificateInUse> all;
    for (const auto& [name, listener] : control.listeners().all()) {
        if (listener.tls == nullptr) continue;
        for (const auto& each : listener.tls->certificates()) all.push_back({name, "", each});
    }
    for (const auto& [name, pool] : control.pools().all()) {
        std::string before;  // checks and connections may show the same
        for (const auto& client : {pool.tls.traffic, pool.tls.checks}) {
            if (!client || !client->certificate()) continue;
            const auto& certificate = client->certificate();
            if (certificate->file != before) all.push_back({"", name, certificate});
            before = certificate->file;
        }
    }
    return all;
}

}  // namespace ringway::proxy
