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
