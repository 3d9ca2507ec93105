// TLS of the clients: OpenSSL on non-blocking sockets, with the results of send(2) and recv(2).
// Certificates are not verified: what is measured is not who the proxy is. One thread.
#pragma once

#include <openssl/ssl.h>
#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>

#include "proxy/base/fd.h"

namespace ringway::loadgen {

struct FreeSsl {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using Ssl = std::unique_ptr<SSL, FreeSsl>;

// What the connections of one thread share.
class Tls {
public:
    // The name that is asked for. With `resumes` each connection offers the session that was
    // received last. Throws std::runtime_error if OpenSSL fails.
    Tls(std::string name, bool resumes);

    Ssl connect(const proxy::Fd& socket) const;

private:
    static int on_session(SSL* ssl, SSL_SESSION* session);

    std::string name_;
    bool resumes_;
    std::unique_ptr<SSL_CTX, FreeSsl> context_;
    std::unique_ptr<SSL_SESSION, FreeSsl> session_;
};

// 1 once it is complete; 0 while it waits for the peer; -1 with errno.
int shake_hands(SSL* ssl);
// As send(2) and recv(2). An end without close_notify is ECONNRESET.
ssize_t send(SSL* ssl, const void* bytes, std::size_t size);
ssize_t receive(SSL* ssl, void* room, std::size_t size);

}  // namespace ringway::loadgen
