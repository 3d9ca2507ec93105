// A connection's first step: reading what is needed before a server is chosen.
#include <algorithm>

#include "proxy/data/connection.h"
#include "proxy/data/dialing.h"

namespace ringway::proxy {

// Where the connection comes from, and where it went to if the key or a header for the server
// needs that; none if the kernel does not say.
std::optional<Origin> Connection::origin() const {
    Origin origin{.source = client_.endpoint()};
    if (route_->key.needs_destination() ||
        route_->send_proxy.version != conf::SendProxy::Version::none) {
        origin.destination = local_address(relay_.client().stream);
        if (!origin.destination) return std::nullopt;
    }
    return origin;
}

// Sets the deadline of the key, or of on_missing's patience before it.
void Connection::wait_for_key(const Preread& preread) {
    const auto patience = route_->key.settings().silent_after;
    const bool may_be_silent = preread.is_patient() && patience.count() > 0;
    late_ = false;
    tools_.timers.set(*this, accepted_at_ + (may_be_silent ? patience : route_->timeouts.key));
}

// Handles what came from the client: bytes, the end, or nothing in time. Returns why the
// connection ends; none if it has a key or waits on.
CloseReason Connection::bring_in(Preread& preread, std::string& head) {
    while (preread.wants_bytes()) {
        switch (receive(head, preread.limit_bytes())) {
            case Received::bytes:
                preread.read(head);
                client_ = KeptEndpoint(preread.origin().source);
                break;
            case Received::ended:
                preread.end(head);
                break;
            case Received::broken:
                return early_end();
            case Received::nothing_yet:
                if (!late_) return CloseReason::none;
                if (!preread.is_patient() || route_->key.settings().silent_after.count() == 0) {
                    return CloseReason::key_timeout;
                }
                preread.end_patience();
                wait_for_key(preread);
                break;
        }
    }
    return CloseReason::none;
}

// Why a client whose side is broken ends before it has a server.
CloseReason Connection::early_end() const {
    return is_exhausted(relay_.client().error) ? CloseReason::local_error
                                               : CloseReason::client_left;
}

Connection::Received Connection::receive(std::string& head, std::size_t limit) {
    Side& client = relay_.client();
    if (!client.readable) return Received::nothing_yet;
    const auto room = std::min(limit - head.size(), tools_.relay.buffer.size());
    const IoResult got = client.stream.read(tools_.relay.buffer.first(room));
    if (got.moved()) {
        head.append(tools_.relay.buffer.data(), got.bytes());
        return Received::bytes;
    }
    // After a reset that an event has reported, the stream reads as ended (Stream::take_error).
    if (got.ended()) return client.broken ? Received::broken : Received::ended;
    if (got.failed()) {
        client.set_broken(got.error());
        return Received::broken;
    }
    client.readable = false;
    return Received::nothing_yet;
}

}  // namespace ringway::proxy
