// TLS of one connection without its socket: bytes of the network in, bytes for the network out.
// Never blocks, and touches no descriptor. One thread.
//
// What open() is given is taken as a whole. A record that is not complete yet is kept; between
// calls an idle session has no buffers of records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <string_view>

#include "proxy/tls/failure.h"
#include "proxy/tls/openssl.h"

namespace ringway::proxy {

// Bytes for the network.
using TlsOutput = std::string;

// The longest record with its header (RFC 5246, 6.2.3; RFC 8446, 5.2).
inline constexpr std::size_t max_record_bytes = (16 << 10) + 2048 + 5;

class TlsSession {
public:
    // `ssl` accepts or connects, as it is set. Throws std::bad_alloc.
    explicit TlsSession(Ssl ssl);
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;
    ~TlsSession();

    enum class State : std::uint8_t {
        handshake,  // until both sides agree
        open,
        ended,   // the peer has ended its direction (close_notify)
        failed,  // failure() says why
    };
    State state() const { return state_; }
    // Whether the handshake was completed.
    bool is_complete() const { return is_complete_; }
    TlsFailure failure() const { return failure_; }
    // The same in words.
    const std::string& reason() const { return reason_; }

    // Goes on with the handshake. Takes what it needs from the front of `received`; the rest is for
    // open().
    void shake_hands(std::string_view& received, TlsOutput& out);

    // Takes all of `received` and returns how many bytes in clear that made. `room` holds
    // max_record_bytes more than `received`. May end or fail after bytes.
    std::size_t open(std::string_view received, std::span<char> room, TlsOutput& out);

    // Appends the records of `bytes` to `out`; false, and failed, if it cannot.
    bool seal(std::string_view bytes, TlsOutput& out);

    // Ends this direction (close_notify).
    void end(TlsOutput& out);

    // Gives it up.
    void fail(TlsFailure failure, std::string_view reason);

    // Whether the failure was told to the peer, by an alert that `out` was given.
    bool has_sent_alert() const { return has_sent_alert_; }

    // What was agreed, after the handshake.
    const SSL* ssl() const { return ssl_.get(); }

private:
    friend class TlsBio;
    class Call;

    void fail(int result);
    static void on_message(int sent, int version, int type, const void* bytes, std::size_t size,
                           SSL* ssl, void* session);

    Ssl ssl_;
    // During a call.
    std::string_view in_;
    TlsOutput* out_ = nullptr;
    bool lacks_memory_ = false;

    State state_ = State::handshake;
    TlsFailure failure_ = TlsFailure::none;
    std::uint8_t idle_messages_ = 0;  // of the peer, since the last byte in clear
    bool has_begun_ = false;
    bool is_complete_ = false;
    bool has_sent_alert_ = false;
    std::string reason_;
};

}  // namespace ringway::proxy
