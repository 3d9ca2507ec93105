// A connection's first step: what its client has to bring before a server is chosen.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "proxy/data/connection.h"
#include "proxy/data/upstream_header.h"

namespace ringway::proxy {

Intake Connection::take_in() const {
    Origin origin{.source = client_};
    if (route_->key.needs_destination()) {
        origin.destination = local_address(relay_.client().socket);
    }
    const auto& proxy = route_->proxy_protocol;
    return {route_->key, proxy ? &*proxy : nullptr, std::move(origin)};
}

// Sets the deadline of the key, or of on_missing's patience before it.
void Connection::wait_for_key(const Intake& intake) {
    const auto patience = route_->key.settings().silent_after;
    const bool may_be_silent = intake.is_patient() && patience.count() > 0;
    late_ = false;
    tools_.timers.set(*this, accepted_at_ + (may_be_silent ? patience : route_->timeouts.key));
}

// Takes in what has come of the client, or its end, or its silence. Why the connection is
// over; none where it has a key or is to wait.
End Connection::bring_in(Intake& intake, std::string& head) {
    while (intake.wants_bytes()) {
        switch (receive(head, intake.limit_bytes())) {
            case Received::bytes:
                intake.read(head);
                client_ = intake.origin().source;
                break;
            case Received::ended:
                intake.end(head);
                break;
            case Received::broken:
                return End::client_left;
            case Received::nothing_yet:
                if (!late_) return End::none;
                if (!intake.is_patient() || route_->key.settings().silent_after.count() == 0) {
                    return End::key_timeout;
                }
                intake.end_patience();
                wait_for_key(intake);
                break;
        }
    }
    return End::none;
}

Connection::Received Connection::receive(std::string& head, std::size_t limit) {
    Side& client = relay_.client();
    if (!client.readable) return Received::nothing_yet;
    const auto room = std::min(limit - head.size(), tools_.relay.buffer.size());
    const ssize_t got = ::recv(client.socket.get(), tools_.relay.buffer.data(), room, 0);
    if (got > 0) {
        head.append(tools_.relay.buffer.data(), static_cast<std::size_t>(got));
        return Received::bytes;
    }
    if (got < 0 && errno == EINTR) return receive(head, limit);
    // Whoever noticed a reset took the error from the socket, which then reads as ended.
    if (got == 0) return client.broken ? Received::broken : Received::ended;
    if (errno != EAGAIN) return Received::broken;
    client.readable = false;
    return Received::nothing_yet;
}

}  // namespace ringway::proxy
