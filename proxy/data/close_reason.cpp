#include "proxy/data/close_reason.h"

namespace ringway::proxy {

const char* to_string(CloseReason end) {
    switch (end) {
        case CloseReason::none:
            return "none";
        case CloseReason::done:
            return "done";
        case CloseReason::client_reset:
            return "client_reset";
        case CloseReason::server_reset:
            return "server_reset";
        case CloseReason::client_lost:
            return "client_lost";
        case CloseReason::server_lost:
            return "server_lost";
        case CloseReason::client_left:
            return "client_left";
        case CloseReason::proxy_untrusted:
            return "proxy_untrusted";
        case CloseReason::proxy_missing:
            return "proxy_missing";
        case CloseReason::proxy_malformed:
            return "proxy_malformed";
        case CloseReason::proxy_checksum:
            return "proxy_checksum";
        case CloseReason::key_timeout:
            return "key_timeout";
        case CloseReason::key_too_large:
            return "key_too_large";
        case CloseReason::key_missing:
            return "key_missing";
        case CloseReason::key_silent:
            return "key_silent";
        case CloseReason::key_malformed:
            return "key_malformed";
        case CloseReason::key_not_tls:
            return "key_not_tls";
        case CloseReason::tls_not_tls:
            return "tls_not_tls";
        case CloseReason::tls_version:
            return "tls_version";
        case CloseReason::tls_no_shared_cipher:
            return "tls_no_shared_cipher";
        case CloseReason::tls_no_shared_alpn:
            return "tls_no_shared_alpn";
        case CloseReason::tls_unknown_name:
            return "tls_unknown_name";
        case CloseReason::tls_no_certificate:
            return "tls_no_certificate";
        case CloseReason::tls_bad_certificate:
            return "tls_bad_certificate";
        case CloseReason::tls_alert:
            return "tls_alert";
        case CloseReason::tls_malformed:
            return "tls_malformed";
        case CloseReason::tls_flood:
            return "tls_flood";
        case CloseReason::tls_truncated:
            return "tls_truncated";
        case CloseReason::no_server:
            return "no_server";
        case CloseReason::servers_full:
            return "servers_full";
        case CloseReason::connect_failed:
            return "connect_failed";
        case CloseReason::idle_timeout:
            return "idle_timeout";
        case CloseReason::half_close_timeout:
            return "half_close_timeout";
        case CloseReason::server_down:
            return "server_down";
        case CloseReason::server_removed:
            return "server_removed";
        case CloseReason::local_error:
            return "local_error";
        case CloseReason::shutdown:
            return "shutdown";
    }
    return "unknown";
}

}  // namespace ringway::proxy
