// TLS over one non-blocking socket, behind Stream. One thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/batch.h"
#include "proxy/net/io_result.h"
#include "proxy/tls/session.h"

namespace ringway::proxy {

// What the TLS streams of one worker share. Holds nothing between calls.
struct TlsBuffers {
    std::vector<char> received;  // empty until there is a stream
    TlsOutput out;
};

class TlsStream {
public:
    // Throws std::bad_alloc. `received` came before TLS began; `clear` goes out before it.
    TlsStream(Ssl ssl, TlsBuffers& buffers, bool allows_truncation, std::string received = {},
              std::string clear = {});

    const TlsSession& session() const { return session_; }
    // Whether the stream ended without its peer saying so (close_notify).
    bool was_truncated() const { return was_truncated_; }

    // Goes on with the handshake; moved once it is complete. tls_failed: session() says why, and
    // the peer was told.
    IoResult shake_hands(int socket);

    // As Stream has them. `room` holds more than a record. tls_failed: session() or was_truncated()
    // says why.
    IoResult read(int socket, std::span<char> room);
    IoResult write(int socket, std::string_view bytes, bool end_follows);
    IoResult flush(int socket);
    IoResult finish(int socket);
    // Whether both ends are said, and a reset can take away nothing but the answer to them: the
    // peer's close_notify says that it takes no more (RFC 5246, 7.2.1), or all but this side's end
    // was acknowledged before that was said.
    bool is_finished() const {
        const bool peer_ended = session_.state() == TlsSession::State::ended;
        const bool may_be_cut = was_truncated_ && allows_truncation_ && was_acknowledged_;
        return has_finished_ && (peer_ended || may_be_cut);
    }
    bool holds_received() const { return has_more_ || !rest_.empty() || has_news(); }
    std::size_t unsent_bytes() const { return unsent_.size(); }

    // The most that a batch may read for a `room`.
    static std::size_t readable_bytes(std::size_t room) { return room - max_record_bytes; }
    IoResult take_read(int socket, const Batch::Slot& slot, std::span<char> room);
    bool begin_write(int socket, Batch::Slot& slot, std::string_view bytes, bool end_follows);
    IoResult take_written(const Batch::Slot& slot);

private:
    // That the peer has ended, or a failure, which waits until the bytes before it are taken.
    bool has_news() const { return session_.state() >= TlsSession::State::ended; }
    IoResult news() const;
    IoResult receive(int socket, std::size_t limit);
    IoResult open(int socket, std::string_view received, std::span<char> room);
    IoResult end_of_network();
    IoResult send(int socket, std::string_view records, int flags);
    void send_output(int socket);

    TlsSession session_;
    TlsBuffers& buffers_;
    std::string rest_;       // what came with the end of the handshake
    std::string unsent_;     // records that the socket had no room for
    bool has_more_ = false;  // the last read of the socket took as much as it may
    bool has_finished_ = false;
    bool was_acknowledged_ = false;  // all, when the end was said
    bool was_truncated_ = false;
    const bool allows_truncation_;
};

}  // namespace ringway::proxy
