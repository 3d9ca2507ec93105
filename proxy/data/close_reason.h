// Why a connection ended.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringway::proxy {

// to_string returns the word of the access line.
enum class CloseReason : std::uint8_t {
    none,                  // not yet
    done,                  // both directions ended
    client_reset,          // the client reset the connection
    server_reset,          // the server reset the connection
    client_lost,           // the client's machine no longer answers
    server_lost,           // the server's machine no longer answers
    client_left,           // the client ended or reset it before a server was connected
    proxy_untrusted,       // the client may not send a PROXY header
    proxy_missing,         // no PROXY header of an accepted version
    proxy_malformed,       // a PROXY header that breaks the specification
    proxy_checksum,        // a PROXY header with a wrong checksum
    key_timeout,           // no key in time
    key_too_large,         // no key within the size limit
    key_missing,           // valid bytes without the key, or the end before it
    key_silent,            // no key in the time of on_missing
    key_malformed,         // bytes that are not of the protocol that the key is read from
    key_not_tls,           // no TLS where the key is read from TLS
    tls_not_tls,           // the client does not speak TLS, which the listener demands
    tls_version,           // no TLS version in common
    tls_no_shared_cipher,  // no cipher suite, group or signature algorithm in common
    tls_no_shared_alpn,    // no application protocol in common
    tls_unknown_name,      // no certificate for the name that the client asked for
    tls_no_certificate,    // the client has no certificate, and must have one
    tls_bad_certificate,   // the client's certificate does not verify
    tls_alert,             // the client refused the handshake with an alert
    tls_malformed,         // the client breaks the protocol, or bytes were altered
    tls_flood,             // the client makes work and sends nothing
    tls_truncated,         // the client ended its stream without close_notify
    no_route,              // it fits none of the listener's routes
    no_server,             // no server is online
    servers_full,          // all that are online have reached their limits
    connect_failed,        // no server that was tried took the connection
    server_tls,            // the server breaks TLS, or refuses this side's certificate
    server_tls_truncated,  // the server ended its stream without close_notify
    idle_timeout,          // no byte in either direction
    half_close_timeout,    // one direction ended and nothing moved in the other
    server_down,           // the server went down, and its pool's on_down says so
    server_removed,        // the server was removed, and its pool's on_removed says so
    local_error,           // this machine lacks a resource
    shutdown,              // the proxy stopped
};
inline constexpr std::size_t close_reason_count =
    static_cast<std::size_t>(CloseReason::shutdown) + 1;

const char* to_string(CloseReason end);

}  // namespace ringway::proxy
