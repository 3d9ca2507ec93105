// A TLS server under test, with files of its own, and clients that are OpenSSL's as it is. The
// network between them is strings. One thread.
#pragma once

#include <openssl/ssl.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "conf/config.h"
#include "proxy/tls/server.h"
#include "proxy/tls/session.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_dir.h"

namespace ringway::test {

// Files of certificates, and the settings that name them.
class TlsFiles {
public:
    conf::FilePath write(const std::string& name, const std::string& text) const {
        return {dir_.write(name, text), {++line_, 1}};
    }
    conf::TlsCertificate write(const std::string& name, const Credentials& credentials,
                               const std::string& more = "") const {
        return {write(name + ".pem", credentials.certificate_pem() + more),
                write(name + ".key", credentials.key_pem()), std::nullopt};
    }
    // For one certificate of "site.example".
    conf::ListenerTls settings() const {
        static const Credentials site =
            make_certificate({.common_name = "site", .alternatives = {"DNS:site.example"}});
        conf::ListenerTls settings;
        settings.certificates.push_back(write("site", site));
        return settings;
    }
    const TempDir& dir() const { return dir_; }

private:
    TempDir dir_;
    mutable int line_ = 0;
};

inline std::shared_ptr<const proxy::TlsServer> load_server(const conf::ListenerTls& settings,
                                                           const std::string& name = "clients") {
    proxy::TlsFindings findings;
    auto server = proxy::TlsServer::load(settings, name, "listeners[0].tls", findings);
    for (const conf::Error& error : findings.errors) BOOST_ERROR(error.to_string("file"));
    BOOST_REQUIRE(server);
    return server;
}

// OpenSSL's client with memory for its network.
class TlsClient {
public:
    using Setup = std::function<void(SSL_CTX*)>;

    explicit TlsClient(const Setup& setup = {}, const char* server_name = nullptr)
        : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
        if (setup) setup(context_.get());
        ssl_.reset(SSL_new(context_.get()));
        SSL_set_connect_state(ssl_.get());
        if (server_name != nullptr) {
            // The macro for this has a cast of C.
            SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                     const_cast<char*>(server_name));
        }
        SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        BIO_set_mem_eof_return(SSL_get_rbio(ssl_.get()), -1);
    }

    SSL* ssl() const { return ssl_.get(); }

    // True once it is complete.
    bool shake_hands() { return SSL_do_handshake(ssl_.get()) == 1; }
    void write(std::string_view bytes) {
        std::size_t taken = 0;
        BOOST_REQUIRE(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &taken) == 1);
    }
    std::string read() {
        std::string all;
        std::string piece(20'000, '\0');
        std::size_t got = 0;
        while (SSL_read_ex(ssl_.get(), piece.data(), piece.size(), &got) == 1) {
            all.append(piece, 0, got);
        }
        return all;
    }
    void end() { SSL_shutdown(ssl_.get()); }
    bool has_seen_end() const {
        return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    }

    // What it has for the network, and what it gets from there.
    std::string take() {
        BIO* const bio = SSL_get_wbio(ssl_.get());
        std::string bytes(BIO_ctrl_pending(bio), '\0');
        if (!bytes.empty()) BIO_read(bio, bytes.data(), static_cast<int>(bytes.size()));
        return bytes;
    }
    void give(std::string_view bytes) {
        if (bytes.empty()) return;
        BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
    }

private:
    proxy::SslContext context_;
    proxy::Ssl ssl_;
};

// A session of the server, and what it has read in clear.
class TlsServed {
public:
    explicit TlsServed(std::shared_ptr<const proxy::TlsServer> server)
        : server_(std::move(server)), session(server_->accept()) {}

private:
    std::shared_ptr<const proxy::TlsServer> server_;

public:
    proxy::TlsSession session;
    std::string clear;
    std::string out;

    // Takes these bytes of the network in pieces of at most `size`.
    void give(std::string_view bytes, std::size_t size = 1 << 20) {
        using State = proxy::TlsSession::State;
        for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
            std::string_view piece = bytes.substr(0, size);
            if (session.state() == State::handshake) session.shake_hands(piece, out);
            if (session.state() != State::open) continue;
            std::string room(piece.size() + proxy::max_record_bytes, '\0');
            clear.append(room, 0, session.open(piece, room, out));
        }
    }
    // The same, and then back to the client, until both have nothing to say.
    void talk(TlsClient& client, std::size_t size = 1 << 20) {
        bool goes_on = true;
        while (goes_on) {
            client.shake_hands();
            const std::string bytes = client.take();
            give(bytes, size);
            goes_on = !bytes.empty() || !out.empty();
            client.give(std::exchange(out, {}));
        }
    }
};

}  // namespace ringway::test
