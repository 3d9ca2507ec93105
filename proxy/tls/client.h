// What servers are spoken to in TLS with: the authorities of their certificates, their names, the
// certificate that they are shown. Immutable once loaded: a reload makes another one, and
// connections in progress keep theirs. Any thread.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "conf/config.h"
#include "proxy/tls/certificate.h"
#include "proxy/tls/openssl.h"

namespace ringway::proxy {

// The newest session with one server, for the next connection to it. One thread.
struct KeptTlsSession {
    SslSession session;
    std::uint64_t client = 0;  // the number of the TlsClient that has verified the server
    std::string name;          // for which it was verified; an IP address as text
    std::time_t until = 0;     // when the server is to be verified again
};

class TlsClient {
public:
    // Whom a connection is to.
    struct Peer {
        std::string_view id;
        const conf::Endpoint& address;
        std::string_view asked_for = {};  // the name that the client asks for; empty for none
        std::string_view host = {};       // whose address it is; empty for none
    };

    // Reads all files; nullptr if `findings` got errors. `entry` is the path of the settings in the
    // configuration. `roots` are those of this machine, read by the first that needs them.
    static std::shared_ptr<const TlsClient> load(const conf::PoolTls& settings,
                                                 const std::string& entry, TlsFindings& findings,
                                                 X509Store& roots);

    // For one connection, which resumes what `kept` has and keeps there what the server gives; both
    // must outlive it. Throws std::bad_alloc. Empty if the peer's name can be none of a host.
    Ssl connect(const Peer& peer, KeptTlsSession* kept = nullptr) const;

    // A session is resumed for so long, or until a certificate of the chain expires.
    static constexpr std::time_t resumed_for_s = 3600;

    // Whether it is the client's choice which name is verified.
    bool has_name_of_client() const { return settings_.name_from == conf::PoolTls::NameFrom::sni; }
    bool resumes() const { return settings_.resumes; }
    bool allows_truncation() const { return settings_.allows_truncation; }
    // That servers are shown; nullptr for none.
    const std::shared_ptr<const Certificate>& certificate() const { return certificate_; }

private:
    explicit TlsClient(conf::PoolTls settings);
    void read_certificate(const std::string& entry, TlsFindings& findings);
    void read_trust(const std::string& entry, TlsFindings& findings, X509Store& roots);
    std::string_view name_of(const Peer& peer) const;
    bool expect_name(SSL* ssl, const std::string& name) const;
    bool expect_address(SSL* ssl, const conf::Endpoint& address) const;
    void resume(SSL* ssl, const KeptTlsSession& kept) const;
    static int on_session(SSL* ssl, SSL_SESSION* session);

    const conf::PoolTls settings_;
    const std::uint64_t number_;  // among all
    std::shared_ptr<const Certificate> certificate_;
    SslContext context_;
};

}  // namespace ringway::proxy
