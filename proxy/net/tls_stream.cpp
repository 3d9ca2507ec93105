#include "proxy/net/tls_stream.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace ringway::proxy {

namespace {

// Of the network, in one call: what a worker's buffer has room for in clear.
constexpr std::size_t received_bytes = 44 << 10;

// Reads in a row that bring no byte in clear; then others have their turn.
constexpr int most_empty_reads = 4;

// More than a write leaves: answers to what the peer sends and does not read.
constexpr std::size_t most_unsent_bytes = 128 << 10;

// The most that the records of `clear` bytes take, with a change of keys before them.
std::size_t sealed_bytes(std::size_t clear) {
    constexpr std::size_t most_added = 128;
    return clear + (clear / (16 << 10) + 2) * most_added;
}

}  // namespace

TlsStream::TlsStream(Ssl ssl, TlsBuffers& buffers, bool allows_truncation, std::string received,
                     std::string clear)
    : session_(std::move(ssl)),
      buffers_(buffers),
      rest_(std::move(received)),
      unsent_(std::move(clear)),
      allows_truncation_(allows_truncation) {
    buffers_.received.resize(received_bytes);
}

IoResult TlsStream::shake_hands(int socket) {
    if (const IoResult flushed = flush(socket); !flushed.moved()) return flushed;
    for (int i = 0; i < most_empty_reads; ++i) {
        std::string before = std::exchange(rest_, {});
        std::string_view received = before;
        // Who connects speaks first.
        if (received.empty() && SSL_in_before(session_.ssl()) == 0) {
            const IoResult got = receive(socket, received_bytes);
            if (!got.moved()) return got;
            received = {buffers_.received.data(), got.bytes()};
        }
        buffers_.out.clear();
        session_.shake_hands(received, buffers_.out);
        rest_ = received;
        send_output(socket);
        if (session_.state() == TlsSession::State::failed) return IoResult::of_code(-tls_failed);
        if (session_.state() == TlsSession::State::open) return IoResult::of_code(1);
    }
    has_more_ = true;
    return IoResult::of_code(-EAGAIN);
}

IoResult TlsStream::read(int socket, std::span<char> room) {
    if (!rest_.empty()) {
        const std::string received = std::exchange(rest_, {});
        const IoResult got = open(socket, received, room);
        if (!got.would_block()) return got;
    }
    for (int i = 0; i < most_empty_reads; ++i) {
        if (has_news()) return news();
        const IoResult got = receive(socket, std::min(received_bytes, readable_bytes(room.size())));
        if (got.ended()) return end_of_network();
        if (!got.moved()) return got;
        const IoResult opened = open(socket, {buffers_.received.data(), got.bytes()}, room);
        // Nothing in clear: the end may have come with it, for which there is no other event.
        if (!opened.would_block()) return opened;
    }
    has_more_ = true;
    return IoResult::of_code(-EAGAIN);
}

IoResult TlsStream::take_read(int socket, const Batch::Slot& slot, std::span<char> room) {
    const IoResult got = slot.result();
    has_more_ = got.moved() && got.bytes() == readable_bytes(room.size());
    if (got.ended()) return end_of_network();
    if (!got.moved()) return got;
    const IoResult opened = open(socket, slot.bytes(), room);
    return opened.would_block() ? read(socket, room) : opened;
}

IoResult TlsStream::receive(int socket, std::size_t limit) {
    if (unsent_.size() > most_unsent_bytes) {
        session_.fail(TlsFailure::flood, "it asks, and does not read the answers");
        return news();
    }
    const IoResult got = IoResult::of(::recv(socket, buffers_.received.data(), limit, 0));
    has_more_ = got.moved() && got.bytes() == limit;
    return got;
}

IoResult TlsStream::open(int socket, std::string_view received, std::span<char> room) {
    buffers_.out.clear();
    const std::size_t size = session_.open(received, room, buffers_.out);
    send_output(socket);
    if (size > 0) return IoResult::of_code(static_cast<int>(size));
    return has_news() ? news() : IoResult::of_code(-EAGAIN);
}

IoResult TlsStream::news() const {
    return IoResult::of_code(session_.state() == TlsSession::State::ended ? 0 : -tls_failed);
}

IoResult TlsStream::end_of_network() {
    if (has_news()) return news();
    was_truncated_ = true;
    return IoResult::of_code(allows_truncation_ ? 0 : -tls_failed);
}

IoResult TlsStream::write(int socket, std::string_view bytes, bool end_follows) {
    buffers_.out.clear();
    if (!session_.seal(bytes, buffers_.out)) return IoResult::of_code(-tls_failed);
    const IoResult sent = send(socket, buffers_.out, end_follows ? MSG_MORE : 0);
    return sent.failed() ? sent : IoResult::of_code(static_cast<int>(bytes.size()));
}

bool TlsStream::begin_write(int socket, Batch::Slot& slot, std::string_view bytes,
                            bool end_follows) {
    if (sealed_bytes(bytes.size()) > slot.room_bytes()) return false;
    buffers_.out.clear();
    return session_.seal(bytes, buffers_.out) &&
           slot.begin_write(socket, buffers_.out, bytes.size(), end_follows);
}

IoResult TlsStream::take_written(const Batch::Slot& slot) {
    const IoResult sent = slot.result();
    if (sent.failed()) return sent;
    unsent_ = slot.bytes().substr(sent.moved() ? sent.bytes() : 0);
    return IoResult::of_code(static_cast<int>(slot.clear_bytes()));
}

IoResult TlsStream::flush(int socket) {
    if (unsent_.empty()) return IoResult::of_code(1);
    const std::string records = std::exchange(unsent_, {});
    const IoResult sent = send(socket, records, 0);
    if (sent.failed() || unsent_.empty()) return sent;
    return IoResult::of_code(-EAGAIN);
}

IoResult TlsStream::finish(int socket) {
    if (const IoResult flushed = flush(socket); !flushed.moved() || has_finished_) return flushed;
    has_finished_ = true;
    int queued = 0;
    was_acknowledged_ = ::ioctl(socket, SIOCOUTQ, &queued) == 0 && queued == 0;
    buffers_.out.clear();
    session_.end(buffers_.out);
    const IoResult sent = send(socket, buffers_.out, MSG_MORE);
    if (sent.failed() || unsent_.empty()) return sent;
    return IoResult::of_code(-EAGAIN);
}

// Keeps what the socket does not take. Moved, or failed.
IoResult TlsStream::send(int socket, std::string_view records, int flags) {
    const IoResult sent =
        IoResult::of(::send(socket, records.data(), records.size(), flags | MSG_NOSIGNAL));
    if (sent.failed()) return sent;
    unsent_ = records.substr(sent.moved() ? sent.bytes() : 0);
    return IoResult::of_code(1);
}

// What reading has made: alerts, keys, the handshake. An error is told by the next read.
void TlsStream::send_output(int socket) {
    if (buffers_.out.empty()) return;
    if (unsent_.empty()) {
        send(socket, buffers_.out, 0);
    } else {
        unsent_ += buffers_.out;
    }
}

}  // namespace ringway::proxy
