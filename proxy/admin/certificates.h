// The certificates that are in use. Control thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/tls/certificate.h"

namespace ringway::proxy {

class Control;

struct CertificateInUse {
    std::string listener;  // that shows it to clients; empty if it is a pool's
    std::string pool;      // whose servers it is shown to
    std::shared_ptr<const Certificate> certificate;
};

// Of listeners, then of pools, each by name.
std::vector<CertificateInUse> certificates_in_use(const Control& control);

}  // namespace ringway::proxy
