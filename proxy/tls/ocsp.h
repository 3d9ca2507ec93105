// OCSP responses from files, to be stapled to handshakes (RFC 6960; RFC 6066, 8).
#pragma once

#include "proxy/tls/certificate.h"

namespace ringway::proxy {

// Sets the certificate's response and its expiry, or adds an error: the file has a response (DER)
// of its issuer, for it, that says that it is good.
void read_ocsp(const TlsFile& file, Certificate& certificate);

}  // namespace ringway::proxy
