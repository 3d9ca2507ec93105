// What the contexts of OpenSSL for clients and for servers have in common. Any thread.
#pragma once

#include <string>
#include <vector>

#include "conf/config.h"
#include "proxy/tls/certificate.h"
#include "proxy/tls/openssl.h"

namespace ringway::proxy {

// Keys of each connection are its own (RFC 9325, 4.1, 4.2).
inline constexpr const char* default_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
inline constexpr const char* default_groups = "X25519:P-256:P-384";

// Of one side: no compression, no renegotiation, no buffers while idle. Throws std::bad_alloc.
SslContext make_context(const SSL_METHOD* method, conf::TlsVersion least);

// Protocols in the form of the extension, each with its size before it (RFC 7301, 3.1).
std::string alpn_list(const std::vector<std::string>& protocols);

// Has it shown to the peer; false, with OpenSSL's reason in its queue, if that refuses it.
bool show(SSL_CTX* context, const Certificate& certificate);

// Whose certificates peers may have.
struct Authorities {
    std::vector<X509Pointer> certificates;
    std::vector<CrlPointer> revoked;  // where there is one, each authority needs one
};

// Reads both files. What cannot be read is an error, and missing from the result; what refuses
// everybody is a warning.
Authorities read_authorities(const TlsFile& ca, const TlsFile* crl);

// Peers' certificates are verified against them.
void trust(SSL_CTX* context, const Authorities& authorities);

}  // namespace ringway::proxy
