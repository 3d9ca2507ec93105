// Why TLS with a peer has failed.
#pragma once

#include <cstdint>

namespace ringway::proxy {

enum class TlsFailure : std::uint8_t {
    none,
    not_tls,            // the first bytes are of another protocol
    no_shared_version,  // no version in common
    no_shared_cipher,   // no cipher suite, group or signature algorithm in common
    no_shared_alpn,     // no protocol in common (RFC 7301)
    unknown_name,       // no certificate for the name that was asked for
    no_certificate,     // the peer has shown none, and one is required
    bad_certificate,    // the peer's does not verify
    alert,              // the peer has refused ours: its alert says why
    malformed,          // the peer breaks the protocol, or bytes were altered
    flood,              // messages that cost work and bring nothing
    resources,          // no memory
};

}  // namespace ringway::proxy
