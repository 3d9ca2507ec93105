// One side of a relayed connection: the only place that reads, writes and asks its socket. Plain,
// or with TLS on it, with the same functions: callers handle what plain TCP answers with a
// constant. Never blocks, so no call is interrupted by a signal (signal(7)). One thread.
#pragma once

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "conf/config.h"
#include "proxy/base/fd.h"
#include "proxy/net/address.h"
#include "proxy/net/batch.h"
#include "proxy/net/io_result.h"
#include "proxy/net/pipes.h"
#include "proxy/net/tls_stream.h"

namespace ringway::proxy {

class Stream {
public:
    Stream() = default;
    // `socket` is non-blocking.
    explicit Stream(Fd socket) : socket_(std::move(socket)) {}

    explicit operator bool() const { return static_cast<bool>(socket_); }
    // For an epoll set and for what is asked of the socket as such. Not for bytes.
    int descriptor() const { return socket_.get(); }

    // From now on its bytes are those in clear of a TLS session, once shake_hands() has moved.
    void begin_tls(std::unique_ptr<TlsStream> tls) { tls_ = std::move(tls); }
    const TlsStream* tls() const { return tls_.get(); }
    IoResult shake_hands() { return tls_->shake_hands(descriptor()); }

    // Up to as many bytes as `room` has. Stops before an urgent byte. A TLS stream needs room for
    // more than a record.
    IoResult read(std::span<char> room) {
        if (tls_) return tls_->read(descriptor(), room);
        return IoResult::of(::recv(descriptor(), room.data(), room.size(), 0));
    }
    // Takes the first bytes of `bytes`, which is not empty. `end_follows`: shut_down_writing() or
    // close() comes next, and the last segment may wait for it.
    IoResult write(std::string_view bytes, bool end_follows = false) {
        if (tls_) return tls_->write(descriptor(), bytes, end_follows);
        const int flags = end_follows ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
        return IoResult::of(::send(descriptor(), bytes.data(), bytes.size(), flags));
    }
    // The same for many streams in one system call: what its run() brings goes to the stream of
    // the other side. `room` is that of take_read().
    void begin_read(Batch& batch, PollHandler& owner, std::size_t room) {
        batch.begin_read(descriptor(), owner, tls_ ? TlsStream::readable_bytes(room) : room);
    }
    // What was read: `bytes`, in the slot or in `room`.
    IoResult take_read(const Batch::Slot& slot, std::span<char> room, std::string_view& bytes) {
        const IoResult got = tls_ ? tls_->take_read(descriptor(), slot, room) : slot.result();
        if (got.moved()) bytes = tls_ ? std::string_view(room.data(), got.bytes()) : slot.bytes();
        return got;
    }
    // False where the slot does not do for them: write() does.
    bool begin_write(Batch::Slot& slot, std::string_view bytes, bool end_follows = false) {
        if (tls_) return tls_->begin_write(descriptor(), slot, bytes, end_follows);
        return slot.begin_write(descriptor(), bytes, bytes.size(), end_follows);
    }
    // How many of them are taken.
    IoResult take_written(const Batch::Slot& slot) {
        return tls_ ? tls_->take_written(slot) : slot.result();
    }
    // Writes what is taken and the socket had no room for; moved once there is nothing left.
    IoResult flush() { return tls_ ? tls_->flush(descriptor()) : IoResult::of_code(1); }
    bool holds_unsent() const { return tls_ && tls_->unsent_bytes() > 0; }
    // Writes that the stream is complete, within it: to come before shut_down_writing() and
    // close(). Moved once that is written.
    IoResult finish() { return tls_ ? tls_->finish(descriptor()) : IoResult::of_code(1); }
    // Ends this direction, after all that was written; false if the connection has ended.
    bool shut_down_writing() { return ::shutdown(descriptor(), SHUT_WR) == 0; }

    // Whether the kernel can move bytes between this stream and a pipe. The next two need it.
    bool can_splice() const { return !tls_; }
    // Moves up to `limit` bytes into `pipe`. "Ended" may also be the mark of urgent data: only
    // read() distinguishes them.
    IoResult splice_to(const Pipe& pipe, std::size_t limit) {
        return spliced(descriptor(), pipe.in.get(), limit);
    }
    // Moves up to `limit` bytes, of which there is at least one, out of `pipe`.
    IoResult splice_from(const Pipe& pipe, std::size_t limit) {
        return spliced(pipe.out.get(), descriptor(), limit);
    }

    // Whether it holds bytes that have left the socket and were not read yet: for these there is
    // no event.
    bool has_buffered_bytes() const { return tls_ && tls_->holds_received(); }
    // Whether there is certainly nothing to read now (tcp(7), unix(7), SIOCINQ).
    bool is_drained() const {
        int bytes = 0;
        return ::ioctl(descriptor(), SIOCINQ, &bytes) == 0 && bytes == 0;
    }
    // Whether a read would return bytes.
    bool has_bytes() const {
        char byte = 0;
        return ::recv(descriptor(), &byte, 1, MSG_PEEK) == 1;
    }
    // Written bytes that the peer's window, or the network's, has not let out yet (SIOCOUTQNSD).
    std::size_t unsent_bytes() const { return queued_bytes(SIOCOUTQNSD) + held_bytes(); }
    // Written bytes that the peer has not acknowledged yet, the end of the stream among them
    // (tcp(7), SIOCOUTQ).
    std::size_t unacknowledged_bytes() const { return queued_bytes(SIOCOUTQ) + held_bytes(); }

    // The error that the socket reports, as errno, or 0. Clears it there: a later read would see
    // a clean end.
    int take_error() {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
        return error;
    }

    // Whether a reset by its peer changes nothing any more.
    bool is_finished() const { return tls_ && tls_->is_finished(); }
    // Whether its peer knows by an alert of TLS that it has failed. A reset might throw that away.
    bool has_sent_alert() const { return tls_ && tls_->session().has_sent_alert(); }

    void close() {
        socket_.close();
        tls_.reset();
    }
    // For whoever closes it instead.
    Fd take_socket() { return std::exchange(socket_, {}); }
    void close_with_reset() {
        socket_.close_with_reset();
        tls_.reset();
    }

private:
    static IoResult spliced(int from, int to, std::size_t limit) {
        constexpr unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
        return IoResult::of(::splice(from, nullptr, to, nullptr, limit, flags));
    }
    std::size_t queued_bytes(unsigned long request) const {
        int bytes = 0;
        return ::ioctl(descriptor(), request, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
    }

    std::size_t held_bytes() const { return tls_ ? tls_->unsent_bytes() : 0; }

    Fd socket_;
    std::unique_ptr<TlsStream> tls_;  // nullptr for a plain stream
};

// The next connection that waits on `listening`, and its client's address; an empty stream with
// errno set if there is none.
Stream accept_stream(const Fd& listening, SocketAddress& client);

// A socket of `address`'s family to connect from, with urgent bytes in place; an empty stream
// with errno set if the kernel refuses.
Stream stream_towards(const SocketAddress& address);
// Begins to connect; 0, or the errno of what failed at once.
int begin_to_connect(const Stream& stream, const SocketAddress& address);

// Has urgent bytes delivered in their places (SO_OOBINLINE), as any others. To be set before
// one can come. A listening TCP socket hands this on to those that it accepts, a unix socket
// does not.
void keep_urgent_in_place(const Stream& stream);

// Segments are sent when they are written (tcp(7), TCP_NODELAY).
void send_at_once(const Stream& stream);

// Acknowledgements wait for bytes to go with, or are sent now and without delay from then on
// (tcp(7), TCP_QUICKACK). The kernel may change this by itself later.
void hold_acknowledgements(const Stream& stream);
void acknowledge_at_once(const Stream& stream);

// The address that an accepted stream was reached at; none if the kernel lacks memory.
std::optional<conf::Endpoint> local_address(const Stream& stream);

// What the kernel knows of the connection (tcp(7), TCP_INFO); nothing of a unix socket.
std::optional<tcp_info> kernel_info(const Stream& stream);

}  // namespace ringway::proxy
