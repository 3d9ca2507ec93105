// What a listener ends TLS with: certificates by name, versions, ciphers, the authorities of its
// clients, tickets. Immutable once loaded: a reload makes another one, and connections in progress
// keep theirs. Any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "conf/config.h"
#include "proxy/tls/certificate.h"
#include "proxy/tls/openssl.h"
#include "proxy/tls/tickets.h"

namespace ringway::proxy {

class TlsServer {
public:
    // Reads all files; nullptr if `findings` got errors. `entry` is the path of the settings in the
    // configuration. Sessions are resumed among listeners of one `name` and equal authorities.
    static std::shared_ptr<const TlsServer> load(const conf::ListenerTls& settings,
                                                 std::string_view name, const std::string& entry,
                                                 TlsFindings& findings);

    // For one client. The server must outlive it. Throws std::bad_alloc.
    Ssl accept() const;

    const std::vector<std::shared_ptr<const Certificate>>& certificates() const {
        return certificates_;
    }

private:
    class Loader;
    using Chosen = std::vector<std::shared_ptr<const Certificate>>;  // one of each kind of key

    TlsServer() = default;
    SSL_CTX* context_for(std::string_view server_name) const;

    // Callbacks of OpenSSL, with the server as their argument.
    static int on_server_name(SSL* ssl, int* alert, void* server);
    static int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                       const unsigned char* offered, unsigned offered_size, void* server);
    static int on_status(SSL* ssl, void* server);
    static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                         EVP_MAC_CTX* mac, int seals);

    std::vector<std::shared_ptr<const Certificate>> certificates_;
    std::vector<SslContext> contexts_;                   // the first is the default
    std::unordered_map<std::string, SSL_CTX*> by_name_;  // "*.example.com" for a wildcard
    bool refuses_unknown_ = false;
    std::string alpn_;  // in the form of the extension
    std::optional<TicketKeys> tickets_;
};

}  // namespace ringway::proxy
