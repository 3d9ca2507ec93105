// Why a connection ended.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringway::proxy {

// to_string gives the word of the access log.
enum class End : std::uint8_t {
    none,                // not yet
    done,                // both directions ended
    client_reset,        // the client broke off
    server_reset,        // the server broke off
    client_lost,         // the client's machine no longer answers
    server_lost,         // the server's machine no longer answers
    client_left,         // ... before it had said anything or a server had answered
    proxy_untrusted,     // who connected may not send a PROXY header
    proxy_missing,       // no PROXY header of an accepted version
    proxy_malformed,     // a PROXY header that breaks the specification
    proxy_checksum,      // a PROXY header that was changed on its way
    key_timeout,         // no key in time
    key_too_large,       // no key within the size limit
    key_missing,         // sound bytes without the key, or their end before it
    key_silent,          // no key in the time that on_missing waits
    key_malformed,       // not what the key is read from
    key_not_tls,         // no TLS where the key is read from TLS
    no_server,           // no server is online
    servers_full,        // all that are online have as many connections as they may
    connect_failed,      // no server that was tried took the connection
    idle_timeout,        // no byte in either direction
    half_close_timeout,  // one direction ended and the other stood still
    server_down,         // the server went down, and its pool's on_down says so
    server_removed,      // the server was removed, and its pool's on_removed says so
    local_error,         // this machine refused a resource
    shutdown,            // the proxy stopped
};
inline constexpr std::size_t end_count = static_cast<std::size_t>(End::shutdown) + 1;

const char* to_string(End end);

}  // namespace ringway::proxy
