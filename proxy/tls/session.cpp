#include "proxy/tls/session.h"

#include <openssl/err.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace ringway::proxy {

namespace {

// A peer that asks for new keys more often without a byte in between wants work, not keys.
constexpr std::uint8_t most_idle_messages = 32;

constexpr unsigned char handshake_record = 22;
constexpr unsigned char alert_record = 21;

TlsFailure failure_of(int reason) {
    constexpr int last_alert = SSL_AD_REASON_OFFSET + 255;
    if (reason > SSL_AD_REASON_OFFSET && reason <= last_alert) return TlsFailure::alert;
    switch (reason) {
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_INAPPROPRIATE_FALLBACK:
            return TlsFailure::no_shared_version;
        case SSL_R_NO_SHARED_CIPHER:
        case SSL_R_NO_SHARED_GROUPS:
        case SSL_R_NO_SUITABLE_GROUPS:
        case SSL_R_NO_SUITABLE_KEY_SHARE:
        case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
        case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
            return TlsFailure::no_shared_cipher;
        case SSL_R_NO_APPLICATION_PROTOCOL:
            return TlsFailure::no_shared_alpn;
        case SSL_R_CALLBACK_FAILED:
            return TlsFailure::unknown_name;
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return TlsFailure::no_certificate;
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            return TlsFailure::bad_certificate;
        case ERR_R_MALLOC_FAILURE:
            return TlsFailure::resources;
        case SSL_R_TOO_MANY_WARN_ALERTS:
        case SSL_R_TOO_MANY_KEY_UPDATES:
        case SSL_R_RECORD_TOO_SMALL:
            return TlsFailure::flood;
        default:
            return TlsFailure::malformed;
    }
}

// The names of alerts lack those of TLS 1.3; the reasons have them behind "tlsv13 alert ".
std::string alert_in_words(int alert, const char* reason) {
    const std::string_view name = SSL_alert_desc_string_long(alert);
    if (name != "unknown") return std::string(name);
    const std::string_view words = reason != nullptr ? reason : "unknown";
    constexpr std::string_view before = "alert ";
    const auto at = words.find(before);
    return std::string(at == words.npos ? words : words.substr(at + before.size()));
}

}  // namespace

// What OpenSSL reads and writes through.
class TlsBio {
public:
    static BIO* make(TlsSession& session) {
        static BIO_METHOD* const method = make_method();
        BIO* const bio = method != nullptr ? BIO_new(method) : nullptr;
        if (bio == nullptr) throw std::bad_alloc();
        BIO_set_data(bio, &session);
        BIO_set_init(bio, 1);
        return bio;
    }

private:
    static BIO_METHOD* make_method() {
        BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "span");
        if (method == nullptr) return nullptr;
        BIO_meth_set_read(method, &TlsBio::read);
        BIO_meth_set_write(method, &TlsBio::write);
        BIO_meth_set_ctrl(method, &TlsBio::control);
        return method;
    }

    static TlsSession& session_of(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* room, int size) {
        TlsSession& session = session_of(bio);
        BIO_clear_retry_flags(bio);
        if (session.idle_messages_ > most_idle_messages) return -1;
        if (session.in_.empty()) {
            BIO_set_retry_read(bio);
            return -1;
        }
        const auto taken = session.in_.substr(0, static_cast<std::size_t>(size));
        std::ranges::copy(taken, room);
        session.in_.remove_prefix(taken.size());
        return static_cast<int>(taken.size());
    }

    static int write(BIO* bio, const char* bytes, int size) {
        TlsSession& session = session_of(bio);
        BIO_clear_retry_flags(bio);
        try {
            session.out_->append(bytes, static_cast<std::size_t>(size));
        } catch (const std::bad_alloc&) {
            session.lacks_memory_ = true;
            return -1;
        }
        return size;
    }

    static long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
        return command == BIO_CTRL_FLUSH ? 1 : 0;
    }
};

// Lends the session what a call reads from and writes to.
class TlsSession::Call {
public:
    Call(TlsSession& session, std::string_view in, TlsOutput& out) : session_(session) {
        session_.in_ = in;
        session_.out_ = &out;
        ERR_clear_error();
    }
    ~Call() {
        session_.in_ = {};
        session_.out_ = nullptr;
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

private:
    TlsSession& session_;
};

TlsSession::TlsSession(Ssl ssl) : ssl_(std::move(ssl)) {
    BIO* const bio = TlsBio::make(*this);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_msg_callback(ssl_.get(), &TlsSession::on_message);
    SSL_set_msg_callback_arg(ssl_.get(), this);
}

// A stream that was cut can be resumed all the same (RFC 5246, 7.2.1): for OpenSSL only one that
// was shut down can (SSL_set_shutdown(3)).
TlsSession::~TlsSession() {
    if (state_ != State::failed) {
        SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
}

void TlsSession::shake_hands(std::string_view& received, TlsOutput& out) {
    assert(state_ == State::handshake);
    if (!has_begun_ && !received.empty()) {
        has_begun_ = true;
        const auto first = static_cast<unsigned char>(received.front());
        const bool may_be_alert = SSL_is_server(ssl_.get()) == 0 && first == alert_record;
        if (first != handshake_record && !may_be_alert) {
            return fail(TlsFailure::not_tls, "the first byte is of another protocol");
        }
    }
    const Call call(*this, received, out);
    const int result = SSL_do_handshake(ssl_.get());
    received = in_;
    if (result == 1) {
        state_ = State::open;
        is_complete_ = true;
    } else if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) {
        fail(result);
    }
}

std::size_t TlsSession::open(std::string_view received, std::span<char> room, TlsOutput& out) {
    assert(room.size() >= received.size() + max_record_bytes);
    const Call call(*this, received, out);
    std::size_t size = 0;
    while (state_ == State::open) {
        std::size_t got = 0;
        const int result = SSL_read_ex(ssl_.get(), room.data() + size, room.size() - size, &got);
        if (result == 1) {
            size += got;
            idle_messages_ = 0;
            continue;
        }
        switch (SSL_get_error(ssl_.get(), result)) {
            case SSL_ERROR_WANT_READ:
                return size;
            case SSL_ERROR_ZERO_RETURN:
                state_ = State::ended;
                return size;
            default:
                fail(result);
        }
    }
    return size;
}

bool TlsSession::seal(std::string_view bytes, TlsOutput& out) {
    const Call call(*this, {}, out);
    std::size_t taken = 0;
    const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &taken);
    if (result != 1) fail(result);
    return result == 1;
}

void TlsSession::end(TlsOutput& out) {
    const Call call(*this, {}, out);
    SSL_shutdown(ssl_.get());
}

// By the oldest reason in the queue, which is the cause of those after it.
void TlsSession::fail(int result) {
    if (lacks_memory_) return fail(TlsFailure::resources, "no memory");
    if (idle_messages_ > most_idle_messages) {
        return fail(TlsFailure::flood, "handshake messages without data");
    }
    const unsigned long code = ERR_peek_error();
    if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_SSL || code == 0) {
        return fail(TlsFailure::malformed, "unexpected state");
    }
    const int number = ERR_GET_REASON(code);
    const TlsFailure failure = failure_of(number);
    const char* words = ERR_reason_error_string(code);
    if (failure == TlsFailure::bad_certificate) {
        words = X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get()));
    } else if (failure == TlsFailure::alert) {
        return fail(failure, "alert: " + alert_in_words(number - SSL_AD_REASON_OFFSET, words));
    } else if (failure == TlsFailure::unknown_name) {
        words = "no certificate for the name";
    }
    fail(failure, words != nullptr ? words : "unknown reason");
}

void TlsSession::fail(TlsFailure failure, std::string_view reason) {
    state_ = State::failed;
    failure_ = failure;
    reason_ = reason;
    ERR_clear_error();
}

// After the handshake: new keys, tickets of a server, a client that wants another handshake.
void TlsSession::on_message(int sent, int /*version*/, int type, const void* bytes,
                            std::size_t size, SSL* /*ssl*/, void* session) {
    auto& self = *static_cast<TlsSession*>(session);
    if (sent != 0 && type == SSL3_RT_ALERT && size > 0) {
        self.has_sent_alert_ = *static_cast<const unsigned char*>(bytes) == SSL3_AL_FATAL;
    }
    if (sent != 0 || type != SSL3_RT_HANDSHAKE || self.state_ == State::handshake) return;
    if (self.idle_messages_ <= most_idle_messages) ++self.idle_messages_;
}

}  // namespace ringway::proxy
