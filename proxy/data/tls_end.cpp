#include "proxy/data/tls_end.h"

namespace ringway::proxy {

CloseReason tls_end(const Stream& client) {
    if (client.tls() == nullptr) return CloseReason::client_reset;
    switch (client.tls()->session().failure()) {
        case TlsFailure::none:
            return CloseReason::tls_truncated;
        case TlsFailure::not_tls:
            return CloseReason::tls_not_tls;
        case TlsFailure::no_shared_version:
            return CloseReason::tls_version;
        case TlsFailure::no_shared_cipher:
            return CloseReason::tls_no_shared_cipher;
        case TlsFailure::no_shared_alpn:
            return CloseReason::tls_no_shared_alpn;
        case TlsFailure::unknown_name:
            return CloseReason::tls_unknown_name;
        case TlsFailure::no_certificate:
            return CloseReason::tls_no_certificate;
        case TlsFailure::bad_certificate:
            return CloseReason::tls_bad_certificate;
        case TlsFailure::alert:
            return CloseReason::tls_alert;
        case TlsFailure::flood:
            return CloseReason::tls_flood;
        case TlsFailure::resources:
            return CloseReason::local_error;
        case TlsFailure::malformed:
            break;
    }
    return CloseReason::tls_malformed;
}

CloseReason server_tls_end(const Stream& server) {
    if (server.tls() == nullptr) return CloseReason::server_reset;
    switch (server.tls()->session().failure()) {
        case TlsFailure::none:
            return CloseReason::server_tls_truncated;
        case TlsFailure::resources:
            return CloseReason::local_error;
        default:
            return CloseReason::server_tls;
    }
}

}  // namespace ringway::proxy
