// What a handshake has agreed on, and whom the client proved to be.
#pragma once

#include <openssl/types.h>

#include <optional>
#include <string>

namespace ringway::proxy {

struct TlsFacts {
    std::string version;      // "TLSv1.3"
    std::string cipher;       // OpenSSL's name
    std::string server_name;  // that was asked for, in lower case; empty if none was
    std::string alpn;         // that was agreed on; empty for none
    bool resumed = false;

    // The client's certificate, verified.
    struct Client {
        std::string subject_cn;  // each empty if it has none
        std::string san_uri;     // of several, the first
        std::string san_dns;
        std::string san_email;
        std::string fingerprint;  // SHA-256, in lower-case hexadecimal digits
    };
    std::optional<Client> client;
};

// After the handshake.
TlsFacts facts_of(const SSL* ssl);

}  // namespace ringway::proxy
