#include "tools/loadgen/tls.h"

#include <openssl/err.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

namespace ringway::loadgen {

namespace {

ssize_t failed(SSL* ssl, int result) {
    switch (SSL_get_error(ssl, result)) {
        case SSL_ERROR_ZERO_RETURN:
            return 0;
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            errno = EAGAIN;
            return -1;
        default:
            errno = ECONNRESET;
            return -1;
    }
}

}  // namespace

Tls::Tls(std::string name, bool resumes)
    : name_(std::move(name)), resumes_(resumes), context_(SSL_CTX_new(TLS_client_method())) {
    if (!context_) throw std::runtime_error("no TLS");
    SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                         SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                         SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_app_data(context_.get(), this);
    if (!resumes_) return;
    SSL_CTX_set_session_cache_mode(context_.get(),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context_.get(), &Tls::on_session);
}

int Tls::on_session(SSL* ssl, SSL_SESSION* session) {
    auto* const self = static_cast<Tls*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    self->session_.reset(session);
    return 1;  // it is ours now
}

Ssl Tls::connect(const proxy::Fd& socket) const {
    Ssl ssl(SSL_new(context_.get()));
    if (!ssl || SSL_set_fd(ssl.get(), socket.get()) != 1) throw std::runtime_error("no TLS");
    // The macro for this has a cast of C.
    SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(name_.c_str()));
    if (session_) SSL_set_session(ssl.get(), session_.get());
    SSL_set_connect_state(ssl.get());
    return ssl;
}

int shake_hands(SSL* ssl) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl);
    if (result == 1) return 1;
    return failed(ssl, result) < 0 && errno == EAGAIN ? 0 : -1;
}

ssize_t send(SSL* ssl, const void* bytes, std::size_t size) {
    ERR_clear_error();
    std::size_t sent = 0;
    const int result = SSL_write_ex(ssl, bytes, size, &sent);
    return result == 1 ? static_cast<ssize_t>(sent) : failed(ssl, result);
}

ssize_t receive(SSL* ssl, void* room, std::size_t size) {
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl, room, size, &got);
    return result == 1 ? static_cast<ssize_t>(got) : failed(ssl, result);
}

}  // namespace ringway::loadgen
