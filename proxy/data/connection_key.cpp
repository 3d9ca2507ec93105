// A connection's first step: reading what is needed before a server is chosen.
#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "proxy/data/connection.h"
#include "proxy/data/dialing.h"
#include "proxy/data/tls_end.h"

namespace ringway::proxy {

// Where the connection comes from, and where it went to if the key or a header for the server
// needs that; none if the kernel does not say.
std::optional<Origin> Connection::origin() const {
    Origin origin{.source = client_.endpoint()};
    if (intake_->needs_destination) {
        origin.destination = local_address(relay_.client().stream);
        if (!origin.destination) return std::nullopt;
    }
    return origin;
}

// Sets the deadline of the key, or of on_missing's patience before it.
void Connection::wait_for_key(const Preread& preread) {
    const conf::Duration patience = preread.patience();
    late_ = false;
    tools_.timers.set(*this,
                      accepted_at_ + (patience.count() > 0 ? patience : intake_->timeouts.key));
}

// Handles what came from the client: bytes, the end, or nothing in time. Returns why the
// connection ends; none if it has a key or waits on.
CloseReason Connection::bring_in(Preread& preread, FirstBytes& first) {
    while (preread.wants_bytes()) {
        const Received received = preread.wants_tls() ? secure_client(preread, first)
                                                      : receive(first, preread.limit_bytes());
        switch (received) {
            case Received::bytes:
                preread.read(first.head);
                client_ = KeptEndpoint(preread.origin().source);
                break;
            case Received::clear:
                break;
            case Received::ended:
                preread.end(first.head);
                break;
            case Received::broken:
                return early_end();
            case Received::nothing_yet:
                if (!late_) return CloseReason::none;
                if (preread.patience().count() == 0) return CloseReason::key_timeout;
                preread.end_patience();
                wait_for_key(preread);
                break;
        }
    }
    return CloseReason::none;
}

// Why a client whose side is broken ends before it has a server.
CloseReason Connection::early_end() const {
    const Side& client = relay_.client();
    if (client.error == tls_failed) return tls_end(client.stream);
    return is_exhausted(client.error) ? CloseReason::local_error : CloseReason::client_left;
}

// Goes on with a side's handshake when it is its turn; moved once it is complete.
IoResult Connection::shake_hands(Side& side) {
    const IoResult waits = IoResult::of_code(-EAGAIN);
    if (!side.readable && !side.stream.holds_unsent()) return waits;
    Poller& poller = tools_.relay.poller;
    if (!poller.takes_turn(side)) return waits;
    const IoResult got = side.stream.shake_hands();
    if (!got.would_block()) return got;
    side.readable = side.stream.has_buffered_bytes();
    if (side.readable) poller.call_again(side);
    return got;
}

// Goes on with the client's handshake; `clear` once it is complete. What came with the PROXY header
// is its beginning.
Connection::Received Connection::secure_client(Preread& preread, FirstBytes& first) {
    Side& client = relay_.client();
    if (client.stream.tls() == nullptr) {
        client.stream.begin_tls(std::make_unique<TlsStream>(intake_->tls->accept(), tools_.tls,
                                                            intake_->allows_truncation,
                                                            std::exchange(first.head, {})));
        client.readable = true;
    }
    const IoResult got = shake_hands(client);
    if (got.would_block()) return Received::nothing_yet;
    if (got.moved()) {
        TlsFacts facts = facts_of(client.stream.tls()->session().ssl());
        auto& counts = (*intake_->counts)[tools_.worker];
        counts.tls_handshakes.add(1);
        if (facts.resumed) counts.tls_resumed.add(1);
        preread.end_tls(std::move(facts));
        return Received::clear;
    }
    if (got.ended()) return client.broken ? Received::broken : Received::ended;
    client.set_broken(got.error());
    return Received::broken;
}

Connection::Received Connection::receive(FirstBytes& first, std::size_t limit) {
    Side& client = relay_.client();
    if (!client.readable && !client.stream.has_buffered_bytes()) return Received::nothing_yet;
    const std::span<char> buffer = tools_.relay.buffer;
    const auto left = std::min(limit - first.head.size(), buffer.size());
    const bool is_tls = client.stream.tls() != nullptr;
    const IoResult got = client.stream.read(is_tls ? buffer : buffer.first(left));
    if (got.moved()) {
        const std::string_view bytes(buffer.data(), got.bytes());
        first.head += bytes.substr(0, left);
        first.beyond += bytes.substr(std::min(left, bytes.size()));
        return Received::bytes;
    }
    // After a reset that an event has reported, the stream reads as ended (Stream::take_error).
    if (got.ended()) return client.broken ? Received::broken : Received::ended;
    if (got.failed()) {
        client.set_broken(got.error());
        return Received::broken;
    }
    client.readable = client.stream.has_buffered_bytes();
    if (client.readable) tools_.relay.poller.call_again(client);
    return Received::nothing_yet;
}

}  // namespace ringway::proxy
