// TLS with a client or with a server: a handshake and records that are altered on their way. What
// is read in clear is a prefix of what the peer wrote, and after a failure nothing more is read.
//
// An input is the peer's version and whether it is a server, then steps: what the peer does next,
// and how what it sends is altered.
#include <openssl/ssl.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/tls/client.h"
#include "proxy/tls/server.h"
#include "proxy/tls/session.h"
#include "tests/support/certificates.h"

using namespace ringway;
using State = proxy::TlsSession::State;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

// Both ends, with files of this process, which go with it.
struct Ends {
    std::shared_ptr<const proxy::TlsServer> server;
    std::shared_ptr<const proxy::TlsClient> client;
    test::Credentials site = test::make_certificate({.common_name = "site"});
};

Ends make_ends() {
    Ends ends;
    std::string folder = "/tmp/ringway-fuzz-XXXXXX";
    require(::mkdtemp(folder.data()) != nullptr);
    const auto write = [&](const char* name, const std::string& text) {
        const std::string path = folder + '/' + name;
        std::FILE* const file = std::fopen(path.c_str(), "w");
        require(file != nullptr);
        std::fwrite(text.data(), 1, text.size(), file);
        std::fclose(file);
        return conf::FilePath{path, {}};
    };
    const auto chain = write("chain", ends.site.certificate_pem());
    conf::ListenerTls settings;
    settings.certificates.push_back({chain, write("key", ends.site.key_pem()), std::nullopt});
    settings.alpn = {"mqtt", "h2"};
    conf::PoolTls to_servers;
    to_servers.ca = chain;
    to_servers.name_from = conf::PoolTls::NameFrom::id;
    to_servers.alpn = settings.alpn;
    proxy::TlsFindings findings;
    ends.server = proxy::TlsServer::load(settings, "fuzz", "tls", findings);
    proxy::X509Store roots;
    ends.client = proxy::TlsClient::load(to_servers, "tls", findings, roots);
    require(ends.server != nullptr && ends.client != nullptr);
    for (const char* const name : {"/chain", "/key"}) ::unlink((folder + name).c_str());
    ::rmdir(folder.c_str());
    return ends;
}

const Ends& ends() {
    static const Ends made = make_ends();
    return made;
}

proxy::Ssl session_with(bool server, proxy::KeptTlsSession& kept) {
    const conf::Endpoint nowhere;
    return server ? ends().client->connect({"site", nowhere}, &kept) : ends().server->accept();
}

struct Peer {
    Peer(int version, bool accepts) : context(SSL_CTX_new(TLS_method()), SSL_CTX_free) {
        SSL_CTX_set_max_proto_version(context.get(), version);
        if (accepts) {
            SSL_CTX_use_certificate(context.get(), ends().site.certificate.get());
            SSL_CTX_use_PrivateKey(context.get(), ends().site.key.get());
        }
        ssl.reset(SSL_new(context.get()));
        accepts ? SSL_set_accept_state(ssl.get()) : SSL_set_connect_state(ssl.get());
        SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    }
    std::string take() {
        BIO* const bio = SSL_get_wbio(ssl.get());
        std::string bytes(BIO_ctrl_pending(bio), '\0');
        if (!bytes.empty()) BIO_read(bio, bytes.data(), static_cast<int>(bytes.size()));
        return bytes;
    }
    void give(const std::string& bytes) {
        if (!bytes.empty()) {
            BIO_write(SSL_get_rbio(ssl.get()), bytes.data(), static_cast<int>(bytes.size()));
        }
    }

    proxy::SslContext context;
    proxy::Ssl ssl;
};

class Session {
public:
    Session(int version, bool with_server)
        : peer_(version, with_server), session_(session_with(with_server, kept_)) {
        if (!with_server) return;
        std::string_view nothing;
        session_.shake_hands(nothing, out_);  // who connects speaks first
        peer_.give(std::exchange(out_, {}));
    }

    // One step; false at the end.
    bool step(std::string_view& input) {
        if (input.size() < 3) return false;
        const auto what = static_cast<unsigned char>(input[0]);
        const auto where = static_cast<unsigned char>(input[1]);
        const auto how = static_cast<unsigned char>(input[2]);
        input.remove_prefix(3);
        act(what % 8, how);
        std::string bytes = peer_.take();
        if (what >= 128 && !bytes.empty()) {
            bytes[where * bytes.size() / 256] ^= static_cast<char>(how | 1);
            altered_ = true;
        } else if (what >= 96 && !bytes.empty()) {
            bytes.insert(where * bytes.size() / 256, how, static_cast<char>(what));
            altered_ = altered_ || how > 0;
        } else if (what >= 64 && !bytes.empty()) {
            bytes.resize(bytes.size() - where * bytes.size() / 256);
            altered_ = true;
        }
        give(bytes, how % 3 == 0 ? 1 : 16'384);
        peer_.give(std::exchange(out_, {}));
        return true;
    }

    void finish() const {
        require(written_.starts_with(clear_));
        require(session_.state() != State::ended || ended_);
    }

private:
    void act(unsigned what, unsigned size) {
        SSL* const ssl = peer_.ssl.get();
        std::string room(16'384, '\0');
        std::size_t done = 0;
        switch (what) {
            case 0:
            case 1:
            case 2:
                SSL_do_handshake(ssl);
                break;
            case 3: {
                if (!SSL_is_init_finished(ssl) || ended_) break;
                const std::string bytes(size * 80 + 1,
                                        static_cast<char>('a' + written_.size() % 26));
                if (SSL_write_ex(ssl, bytes.data(), bytes.size(), &done) == 1) written_ += bytes;
                break;
            }
            case 4:
                SSL_read_ex(ssl, room.data(), room.size(), &done);
                break;
            case 5:
                SSL_key_update(
                    ssl, size % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
                SSL_do_handshake(ssl);
                break;
            case 6:
                SSL_shutdown(ssl);
                ended_ = true;
                break;
            default:
                if (session_.state() == State::open) session_.seal(room.substr(0, size + 1), out_);
        }
    }

    void give(std::string_view bytes, std::size_t size) {
        for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
            std::string_view piece = bytes.substr(0, size);
            if (session_.state() == State::handshake) session_.shake_hands(piece, out_);
            if (session_.state() != State::open) continue;
            std::string room(piece.size() + proxy::max_record_bytes, '\0');
            clear_.append(room, 0, session_.open(piece, room, out_));
            require(written_.starts_with(clear_));
        }
    }

    Peer peer_;
    proxy::KeptTlsSession kept_;
    proxy::TlsSession session_;
    std::string out_;
    std::string written_;
    std::string clear_;
    bool altered_ = false;
    bool ended_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 120));
    if (input.empty()) return 0;
    Session session(input[0] % 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION, input[0] / 2 % 2 == 1);
    input.remove_prefix(1);
    while (session.step(input)) continue;
    session.finish();
    return 0;
}
