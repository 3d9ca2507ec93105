#include "proxy/tls/server.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <new>
#include <utility>

#include "proxy/base/ascii.h"
#include "proxy/tls/context.h"

namespace ringway::proxy {

namespace {

using Digest = std::array<unsigned char, 32>;

// Lower case, without the dot of the root.
std::string canonical(std::string_view name) {
    std::string text(name);
    std::ranges::transform(text, text.begin(), lower);
    if (text.ends_with('.')) text.pop_back();
    return text;
}

std::string wildcard_for(std::string_view name) {
    const auto dot = name.find('.');
    return dot == std::string_view::npos ? std::string() : '*' + std::string(name.substr(dot));
}

}  // namespace

// Puts a server together from its settings.
class TlsServer::Loader {
public:
    Loader(const conf::ListenerTls& settings, const std::string& entry, TlsFindings& findings)
        : settings_(settings), entry_(entry), findings_(findings) {}

    std::shared_ptr<const TlsServer> load(std::string_view name) {
        const auto errors_before = findings_.errors.size();
        read_certificates();
        read_authorities();
        read_tickets();
        if (findings_.errors.size() != errors_before) return nullptr;
        server_->refuses_unknown_ =
            settings_.unknown_name == conf::ListenerTls::UnknownName::refuse;
        server_->alpn_ = alpn_list(settings_.alpn);
        session_id_ = session_id(name);
        make_contexts();
        if (findings_.errors.size() != errors_before) return nullptr;
        return server_;
    }

private:
    void read_certificates() {
        for (std::size_t i = 0; i < settings_.certificates.size(); ++i) {
            const std::string entry = entry_ + ".certificates[" + std::to_string(i) + ']';
            auto read = read_certificate(settings_.certificates[i], entry, findings_);
            if (read) server_->certificates_.push_back(std::move(read));
        }
    }

    void read_authorities() {
        if (!settings_.client) return;
        const conf::TlsClient& client = *settings_.client;
        const TlsFile ca(client.ca, entry_ + ".client.ca", findings_);
        std::optional<TlsFile> crl;
        if (client.crl) crl.emplace(*client.crl, entry_ + ".client.crl", findings_);
        authorities_ = proxy::read_authorities(ca, crl ? &*crl : nullptr);
    }

    void read_tickets() {
        if (!settings_.tickets) return;
        std::vector<Secret> secrets;
        if (settings_.tickets->keys) {
            const TlsFile file(*settings_.tickets->keys, entry_ + ".tickets.keys", findings_);
            const auto content = file.read_secret();
            if (!content) return;
            auto parsed = TicketKeys::parse(content->bytes());
            if (!parsed) return file.error(parsed.error().text);
            secrets = std::move(*parsed);
        } else {
            secrets.push_back(TicketKeys::own_secret());
        }
        const auto period =
            std::chrono::duration_cast<std::chrono::seconds>(settings_.tickets->rotate);
        server_->tickets_.emplace(std::move(secrets), period);
    }

    // A session that was made with other authorities is not resumed: its client was not verified
    // against these.
    Digest session_id(std::string_view name) const {
        std::string text(name);
        text += '\0';
        text += settings_.client && settings_.client->required ? "required" : "optional";
        Digest digest{};
        for (const X509Pointer& each : authorities_.certificates)
            text += fingerprint_of(each.get());
        for (const CrlPointer& each : authorities_.revoked) {
            if (X509_CRL_digest(each.get(), EVP_sha256(), digest.data(), nullptr) != 1) {
                throw std::bad_alloc();
            }
            text.append(digest.begin(), digest.end());
        }
        if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) !=
            1) {
            throw std::bad_alloc();
        }
        return digest;
    }

    // One context for all names that the same certificates are for. The first certificate of a name
    // is for it, and beside it those with other kinds of keys.
    void make_contexts() {
        std::map<std::string, Chosen> by_name;
        for (const auto& certificate : server_->certificates_) {
            for (const std::string& name : certificate->names) add(by_name[name], certificate);
        }
        std::map<Chosen, SSL_CTX*> made;
        const auto context_of = [&](const Chosen& chosen) {
            SSL_CTX*& context = made[chosen];
            if (context == nullptr) context = make_context(chosen);
            return context;
        };
        Chosen first{server_->certificates_.front()};
        for (const std::string& name : first.front()->names) {
            if (by_name[name].front() == first.front()) first = by_name[name];
        }
        context_of(first);
        for (const auto& [name, chosen] : by_name) server_->by_name_[name] = context_of(chosen);
    }

    static void add(Chosen& chosen, const std::shared_ptr<const Certificate>& certificate) {
        const int kind = EVP_PKEY_get_base_id(certificate->key.get());
        const auto is_same = [&](const auto& other) {
            return EVP_PKEY_get_base_id(other->key.get()) == kind;
        };
        if (std::ranges::none_of(chosen, is_same)) chosen.push_back(certificate);
    }

    SSL_CTX* make_context(const Chosen& chosen) {
        server_->contexts_.push_back(
            proxy::make_context(TLS_server_method(), settings_.min_version));
        SSL_CTX* const raw = server_->contexts_.back().get();
        SSL_CTX_set_options(raw, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
        SSL_CTX_set_session_id_context(raw, session_id_.data(),
                                       static_cast<unsigned>(session_id_.size()));
        set_ciphers(raw);
        for (const auto& certificate : chosen) use(raw, *certificate);
        // The macros for these have casts of C.
        SSL_CTX_callback_ctrl(raw, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                              reinterpret_cast<void (*)()>(&TlsServer::on_server_name));
        SSL_CTX_set_tlsext_servername_arg(raw, server_.get());
        SSL_CTX_callback_ctrl(raw, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB,
                              reinterpret_cast<void (*)()>(&TlsServer::on_status));
        SSL_CTX_set_tlsext_status_arg(raw, server_.get());
        if (!server_->alpn_.empty()) {
            SSL_CTX_set_alpn_select_cb(raw, &TlsServer::on_alpn, server_.get());
        }
        set_tickets(raw);
        set_authorities(raw);
        ERR_clear_error();
        return raw;
    }

    // What OpenSSL does not know is an error at its entry, told once for all contexts.
    void set_ciphers(SSL_CTX* context) {
        const std::string ciphers = settings_.ciphers.empty() ? default_ciphers : settings_.ciphers;
        if (SSL_CTX_set_cipher_list(context, ciphers.c_str()) != 1) {
            refuse("ciphers", settings_.ciphers_position, "OpenSSL knows none of these ciphers");
        }
        if (!settings_.ciphersuites.empty() &&
            SSL_CTX_set_ciphersuites(context, settings_.ciphersuites.c_str()) != 1) {
            refuse("ciphersuites", settings_.ciphersuites_position,
                   "OpenSSL does not know all of these cipher suites");
        }
        const std::string groups = settings_.groups.empty() ? default_groups : settings_.groups;
        if (SSL_CTX_set1_groups_list(context, groups.c_str()) != 1) {
            refuse("groups", settings_.groups_position,
                   "OpenSSL does not know all of these groups");
        }
    }

    void refuse(const char* name, conf::Position position, const char* what) {
        if (server_->contexts_.size() > 1) return;
        findings_.errors.push_back({position, entry_ + '.' + name, what});
    }

    void use(SSL_CTX* context, const Certificate& certificate) {
        if (show(context, certificate)) return;
        const std::size_t number = index_of(certificate);
        const TlsFile file(settings_.certificates[number].chain,
                           entry_ + ".certificates[" + std::to_string(number) + "].chain",
                           findings_);
        file.error("OpenSSL refuses it: " + take_openssl_error());
    }

    std::size_t index_of(const Certificate& certificate) const {
        const auto& all = server_->certificates_;
        const auto found =
            std::ranges::find(all, &certificate, [](const auto& each) { return each.get(); });
        return static_cast<std::size_t>(found - all.begin());
    }

    void set_tickets(SSL_CTX* context) {
        if (!server_->tickets_) {
            SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
            SSL_CTX_set_num_tickets(context, 0);
            return;
        }
        // Each use of one brings the next.
        SSL_CTX_set_num_tickets(context, 1);
        SSL_CTX_set_app_data(context, server_.get());
        SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &TlsServer::on_ticket);
        SSL_CTX_set_timeout(context, server_->tickets_->period().count());
    }

    void set_authorities(SSL_CTX* context) {
        if (!settings_.client) return;
        trust(context, authorities_);
        for (const X509Pointer& each : authorities_.certificates) {
            SSL_CTX_add_client_CA(context, each.get());
        }
        const int required = settings_.client->required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | required, nullptr);
    }

    const conf::ListenerTls& settings_;
    const std::string& entry_;
    TlsFindings& findings_;
    std::shared_ptr<TlsServer> server_{new TlsServer};
    Authorities authorities_;
    Digest session_id_{};
};

std::shared_ptr<const TlsServer> TlsServer::load(const conf::ListenerTls& settings,
                                                 std::string_view name, const std::string& entry,
                                                 TlsFindings& findings) {
    return Loader(settings, entry, findings).load(name);
}

Ssl TlsServer::accept() const {
    Ssl ssl(SSL_new(contexts_.front().get()));
    if (!ssl) throw std::bad_alloc();
    SSL_set_accept_state(ssl.get());
    return ssl;
}

// Exact before wildcard (RFC 6125, 6.4.4); nullptr for an unknown name.
SSL_CTX* TlsServer::context_for(std::string_view server_name) const {
    const std::string name = canonical(server_name);
    if (const auto exact = by_name_.find(name); exact != by_name_.end()) return exact->second;
    const auto wildcard = by_name_.find(wildcard_for(name));
    return wildcard == by_name_.end() ? nullptr : wildcard->second;
}

int TlsServer::on_server_name(SSL* ssl, int* alert, void* server) {
    const auto& self = *static_cast<const TlsServer*>(server);
    const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    SSL_CTX* const context = name != nullptr ? self.context_for(name) : nullptr;
    if (context != nullptr) {
        return SSL_set_SSL_CTX(ssl, context) != nullptr ? SSL_TLSEXT_ERR_OK
                                                        : SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    if (!self.refuses_unknown_) return SSL_TLSEXT_ERR_OK;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int TlsServer::on_alpn(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
                       const unsigned char* offered, unsigned offered_size, void* server) {
    const auto& own = static_cast<const TlsServer*>(server)->alpn_;
    const auto* const own_bytes = reinterpret_cast<const unsigned char*>(own.data());
    unsigned char* found = nullptr;
    const int result = SSL_select_next_proto(
        &found, chosen_size, own_bytes, static_cast<unsigned>(own.size()), offered, offered_size);
    *chosen = found;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int TlsServer::on_status(SSL* ssl, void* server) {
    const auto& all = static_cast<const TlsServer*>(server)->certificates_;
    const X509* const used = SSL_get_certificate(ssl);
    const auto found = std::ranges::find(all, used, [](const auto& each) { return each->own(); });
    if (found == all.end() || (*found)->ocsp.empty()) return SSL_TLSEXT_ERR_NOACK;
    const Certificate& certificate = **found;
    if (certificate.ocsp_until <= std::time(nullptr)) return SSL_TLSEXT_ERR_NOACK;
    void* const copy = OPENSSL_memdup(certificate.ocsp.data(), certificate.ocsp.size());
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(certificate.ocsp.size()));
    return SSL_TLSEXT_ERR_OK;
}

// 0: the ticket is not ours, or too old; 2: taken, and to be replaced by a newer one
// (SSL_CTX_set_tlsext_ticket_key_evp_cb(3)).
int TlsServer::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                         EVP_MAC_CTX* mac, int seals) {
    const auto* const self =
        static_cast<const TlsServer*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    const auto now = TicketKeys::WallClock::now();
    const TicketKeys::Keys newest = self->tickets_->sealing(now);
    std::optional<TicketKeys::Keys> keys = newest;
    if (seals != 0) {
        std::ranges::copy(newest.name, name);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
    } else {
        TicketKeys::Name asked{};
        std::copy_n(name, asked.size(), asked.begin());
        if (asked != newest.name) keys = self->tickets_->opening(asked, now);
        if (!keys) return 0;
    }
    char digest[] = "SHA256";
    const std::array<OSSL_PARAM, 3> parameters{
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, keys->mac.data(), keys->mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    const bool set = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, keys->cipher.data(), iv,
                                       seals) == 1 &&
                     EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
    if (!set) return -1;
    if (seals != 0) return 1;
    // Clients use a ticket of TLS 1.3 once (RFC 8446, C.4).
    return keys->name == newest.name && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2;
}

}  // namespace ringway::proxy
