#include "proxy/data/close_reason.h"

namespace ringway::proxy {

const char* to_string(End end) {
    switch (end) {
        case End::none:
            return "none";
        case End::done:
            return "done";
        case End::client_reset:
            return "client_reset";
        case End::server_reset:
            return "server_reset";
        case End::client_lost:
            return "client_lost";
        case End::server_lost:
            return "server_lost";
        case End::client_left:
            return "client_left";
        case End::proxy_untrusted:
            return "proxy_untrusted";
        case End::proxy_missing:
            return "proxy_missing";
        case End::proxy_malformed:
            return "proxy_malformed";
        case End::proxy_checksum:
            return "proxy_checksum";
        case End::key_timeout:
            return "key_timeout";
        case End::key_too_large:
            return "key_too_large";
        case End::key_missing:
            return "key_missing";
        case End::key_silent:
            return "key_silent";
        case End::key_malformed:
            return "key_malformed";
        case End::key_not_tls:
            return "key_not_tls";
        case End::no_server:
            return "no_server";
        case End::servers_full:
            return "servers_full";
        case End::connect_failed:
            return "connect_failed";
        case End::idle_timeout:
            return "idle_timeout";
        case End::half_close_timeout:
            return "half_close_timeout";
        case End::server_down:
            return "server_down";
        case End::server_removed:
            return "server_removed";
        case End::local_error:
            return "local_error";
        case End::shutdown:
            return "shutdown";
    }
    return "unknown";
}

}  // namespace ringway::proxy
