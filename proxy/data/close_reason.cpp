#include "proxy/data/close_reason.h"

#include <array>
#include <string_view>

namespace ringway::proxy {

namespace {

// In the order of CloseReason.
constexpr std::array<const char*, close_reason_count> names{
    "none",
    "done",
    "client_reset",
    "server_reset",
    "client_lost",
    "server_lost",
    "client_left",
    "proxy_untrusted",
    "proxy_missing",
    "proxy_malformed",
    "proxy_checksum",
    "key_timeout",
    "key_too_large",
    "key_missing",
    "key_silent",
    "key_malformed",
    "key_not_tls",
    "tls_not_tls",
    "tls_version",
    "tls_no_shared_cipher",
    "tls_no_shared_alpn",
    "tls_unknown_name",
    "tls_no_certificate",
    "tls_bad_certificate",
    "tls_alert",
    "tls_malformed",
    "tls_flood",
    "tls_truncated",
    "no_route",
    "no_server",
    "servers_full",
    "connect_failed",
    "server_tls",
    "server_tls_truncated",
    "idle_timeout",
    "half_close_timeout",
    "server_down",
    "server_removed",
    "local_error",
    "shutdown",
};
static_assert(std::string_view(names.front()) == "none");
static_assert(std::string_view(names.back()) == "shutdown");

}  // namespace

const char* to_string(CloseReason end) {
    return names[static_cast<std::size_t>(end)];
}

}  // namespace ringway::proxy
