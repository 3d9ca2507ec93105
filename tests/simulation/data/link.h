// One simulated TCP connection: the proxy's socket, the network, and the peer with its kernel.
//
// Simulated as Linux 6 does it (net/ipv4/tcp.c): bounded buffers at both ends and windows between
// them; segments of any size; a send that finds no room, or only some, is told when a third is free
// again; half-close; a close with unread bytes is a reset; a reset leaves what has arrived to be
// read, is reported once by SO_ERROR, recv(2), send(2) or splice(2), loses what the proxy still had
// to send, and may lose what was on its way; SIOCINQ, SIOCOUTQ with the end as one byte, and
// SIOCOUTQNSD; keepalive; the fields of TCP_INFO that tell whether a peer has vanished; a socket
// that is closed with bytes for a closed window is given up after a while.
//
// Not simulated: unix sockets, urgent bytes, the probes of a closed window as segments, loss and
// retransmission (a segment is late instead), soft errors of the network. One thread.
#pragma once

#include <netinet/tcp.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>

#include "tests/simulation/data/files.h"
#include "tests/simulation/data/kernel.h"
#include "tests/simulation/data/text.h"
#include "tests/simulation/random_source.h"

namespace ringway::proxy {
struct AccessEntry;
}

namespace ringway::simulation::data {

class Link;
struct Case;

// The address that clients connect to.
inline constexpr std::uint32_t own_host = 0x0a000001;  // 10.0.0.1
inline constexpr std::uint16_t own_port = 80;

// Whoever plays the servers and judges what the proxy does. Told before a call takes effect, unless
// its name is in the past.
class LinkWatcher {
public:
    virtual void accepted(Link& link) = 0;
    virtual void dials(Link& link, std::uint16_t port, TimePoint since) = 0;
    virtual void watched(Link& link) = 0;
    virtual void sends(const Link& link, const char* bytes, std::size_t size) = 0;
    virtual void sends(const Link& link, const Pipe::Piece& piece, std::size_t size) = 0;
    virtual void ends(const Link& link) = 0;  // as a complete stream
    virtual void moved(const Link& link) = 0;
    virtual void connected(Link& link) = 0;
    virtual void closes(Link& link) = 0;
    virtual void logged(const proxy::AccessEntry& entry) = 0;

protected:
    virtual ~LinkWatcher() = default;
};

// What a connection's network and buffers are like.
struct LinkSettings {
    Duration latest{};  // of a segment
    std::size_t largest_segment = 1;
    std::size_t receive_room = 1;  // of the proxy's socket
    std::size_t send_room = 1;
    std::size_t peer_room = 1;  // the window of the peer
    static LinkSettings draw(RandomSource& random);
};

// tcp(7), with the kernel's defaults.
struct Keepalive {
    bool is_on = false;
    std::chrono::seconds idle{7'200};
    std::chrono::seconds interval{75};
    int count = 9;
};

class Link final : public File {
public:
    enum class State : std::uint8_t { fresh, connecting, open, over };

    void set_up(std::uint64_t seed);
    void set_text(const Text& sent_by_peer) { text_ = &sent_by_peer; }

    // The proxy's calls; as those of the kernel, -1 with errno.
    ssize_t receive(char* to, std::size_t room, bool peek);
    ssize_t send(const char* bytes, std::size_t size, bool more);
    ssize_t fill(Pipe& pipe, std::size_t limit);
    ssize_t drain(Pipe& pipe, std::size_t limit);
    int shut_down_writing();
    int take_error() { return std::exchange(error, 0); }
    void closed() override;
    std::uint32_t ready() const override;
    void told(std::uint32_t events) override;
    tcp_info info() const;
    std::size_t unread() const { return static_cast<std::size_t>(arrived - consumed); }
    std::size_t unacknowledged() const;
    std::size_t unsent() const;
    std::size_t room() const;  // to send
    // As poll(2) says it: a third is free.
    bool is_writable() const { return room() >= settings.send_room / 3; }

    // The way to and from the proxy's socket.
    void connect();  // the peer accepts
    void refuse(int with);
    void keep_alive();

    // The peer's program. None has an effect once the connection is over for it.
    void write(std::uint64_t bytes);
    void end();
    void close_peer();
    void reset_peer();
    void vanish();
    void pause();
    void resume();
    bool peer_is_alive() const { return !vanished && !peer_reset && !peer_saw_reset; }

    // Facts, for whoever judges.
    State state = State::fresh;
    LinkSettings settings;
    Case* owner = nullptr;   // once it is known
    std::size_t server = 0;  // the number of the server that it leads to
    bool is_client = false;
    std::uint32_t peer_host = 0;  // of a client
    std::uint16_t peer_port = 0;
    // From the peer: written by its program, arrived here, read by the proxy.
    std::uint64_t written = 0;
    std::uint64_t arrived = 0;
    std::uint64_t consumed = 0;
    bool ended = false;
    bool end_arrived = false;
    // To the peer: written by the proxy, sent, in the peer's kernel, acknowledged, read by it.
    std::uint64_t queued = 0;
    std::uint64_t sent = 0;
    std::uint64_t taken = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t read = 0;
    bool shut = false;
    bool end_taken = false;
    bool end_acknowledged = false;
    // Breaks.
    int error = 0;       // SO_ERROR
    int broke_with = 0;  // the same, and it stays
    bool lingers_zero = false;
    bool was_closed = false;   // by the proxy
    bool was_dropped = false;  // with a reset
    bool peer_reset = false;
    bool peer_closed = false;
    bool peer_saw_reset = false;
    bool vanished = false;
    bool paused = false;
    bool slow = false;
    // Options.
    Keepalive keepalive;
    // When.
    TimePoint broke_at{};
    TimePoint heard_at{};
    TimePoint acknowledged_at{};
    TimePoint vanished_at{};
    TimePoint sent_at{};           // the last time that something new was
    TimePoint unanswered_since{};  // of a peer that has vanished: the first byte sent after that
    bool told_writable = false;    // as the worker knows by events
    bool told_broken = false;
    TimePoint told_writable_at{};
    TimePoint told_broken_at{};

    // The proxy's end was made by socket(2) then.
    TimePoint made_at{};

private:
    Duration some_delay();
    void later(Duration delay, void (Link::*what)());
    void bring();  // from the peer, if there is room
    void arrive();
    void carry();  // to the peer
    void take();
    void hear();  // an acknowledgement
    void break_with(int with);
    void reset_to_peer();
    void hear_answer();
    void hear_reset();
    void read_some();
    ssize_t nothing_to_read();
    ssize_t cannot_send();
    std::size_t window() const;
    std::size_t segment_of(std::size_t left) const;

    RandomSource random_{0};
    const Text* text_ = nullptr;
    bool bringing_ = false;
    bool carrying_ = false;
    bool reading_ = false;
    bool corked_ = false;              // MSG_MORE
    mutable bool wants_room_ = false;  // SOCK_NOSPACE: poll(2) sets it too
    std::size_t on_its_way_ = 0;
};

}  // namespace ringway::simulation::data
