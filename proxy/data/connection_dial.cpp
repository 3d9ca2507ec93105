// A connection's second step: dialling a server, with TLS where its pool speaks it.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "proxy/base/access_log.h"
#include "proxy/data/connection.h"
#include "proxy/data/dialing.h"
#include "proxy/data/upstream_header.h"
#include "proxy/text/escape.h"

namespace ringway::proxy {

namespace {

// Dials that may be abandoned without an end to the attempts.
constexpr std::uint8_t most_abandoned = 200;

}  // namespace

// The walk of the key on the pool's newest ring.
void Connection::begin_walk(Candidates& candidates, const Preread& preread) {
    candidates.snapshot = backend_->ring->share(tools_.worker);
    const ring::Snapshot& snapshot = *candidates.snapshot;
    candidates.walk.emplace(snapshot, snapshot.hash(preread.key()));
    candidates.none = CloseReason::no_server;
    if (logs_debug()) debug_placement(snapshot, preread);
}

// Whether one of the servers that are left has a slot, which this then holds. A pool that has none
// to try hands the connection on to its fallback.
bool Connection::claim_next(Candidates& candidates, const Preread& preread) {
    for (;;) {
        while (const ring::Member* const member = candidates.walk->next()) {
            if (attempts_ == 0) candidates.none = CloseReason::servers_full;
            if (claim(*candidates.snapshot, *member)) {
                // Of dials that do not leave this machine.
                candidates.none = CloseReason::local_error;
                return true;
            }
        }
        if (attempts_ > 0 || backend_->fallback == nullptr) return false;
        fall_back(candidates.none);
        begin_walk(candidates, preread);
    }
}

void Connection::fall_back(CloseReason why) {
    auto& counts = (*backend_->counts)[tools_.worker];
    (why == CloseReason::no_server ? counts.fallbacks_down : counts.fallbacks_full).add(1);
    backend_ = backend_->fallback.get();
    fell_back_ = true;
    spill_ = Spill::none;
    if (logs_debug()) {
        debug(fmt::format("{}: goes on to the fallback, pool {}", to_string(why), backend_->pool));
    }
}

// Whether the server has a slot left, which this then holds.
bool Connection::claim(const ring::Snapshot& snapshot, const ring::Member& member) {
    ring::Slot claim = snapshot.try_claim(member);
    if (!claim) {
        pass_over(Spill::owner_full);
        if (logs_debug()) debug_full(snapshot, member);
        return false;
    }
    slot_ = ServerSlot(std::move(claim), tools_.worker);
    return true;
}

// Begins to connect to the slot's server; the errno of what failed at once, or 0.
int Connection::dial(const Preread& preread) {
    standstill_.set_moved_at(Clock::now());
    if (logs_debug()) debug_dial();
    const bool is_tls = backend_->tls != nullptr;
    speaks_first_ = has_first_bytes_ || backend_->sends_header() || is_tls;
    Stream stream = begin_connect(slot_.server().address, backend_->connect, speaks_first_);
    if (!stream) return errno;
    if (is_tls && !begin_server_tls(stream, preread)) return tls_failed;
    if (!relay_.server().open(std::move(stream), tools_.relay.poller)) return errno;
    relay_.server().readable = is_tls;  // who connects speaks first
    return 0;
}

// When the dial that was begun last is given up.
TimePoint Connection::dial_ends_at(TimePoint spent_at) const {
    return std::min(standstill_.moved_at() + backend_->connect.timeout, spent_at);
}

// Takes the dial's next steps: the connect, then TLS. Whether it waits.
bool Connection::dial_is_pending() {
    Side& server = relay_.server();
    if (relay_.client().broken || late_ || is_abandoned_) return false;
    if (!server.writable) return !server.broken;
    return server.stream.tls() != nullptr && secures_server();
}

// Whether the server has answered; `error` is set where it was this machine's own socket.
bool Connection::has_connected(int& error) {
    Side& server = relay_.server();
    if (is_abandoned_) {
        is_abandoned_ = false;
        if (abandoned_ < most_abandoned) ++abandoned_;
        error = ECANCELED;
        return false;
    }
    if (!server.writable) return false;
    if (met_itself(server.stream, slot_.server().address)) {
        // With a reset, so that the server can have its port at once.
        server.close_with_reset();
        error = ECONNREFUSED;
        return false;
    }
    if (const TlsStream* const tls = server.stream.tls()) {
        // An alert explains more than the reset behind it.
        if (tls->session().failure() == TlsFailure::alert) error = tls_failed;
        return tls->session().is_complete();
    }
    // A server may answer and break off before the first event.
    return !server.broken || server.stream.has_bytes();
}

// The dial failed with `error`, which counts against the server unless it is a
// resource that this machine lacks.
void Connection::drop_server(int error) {
    pass_over(Spill::owner_failed);
    note_broken_handshake(error);
    if (logs_debug()) debug_dialled(error);
    count_failed_dial(slot_.counts(), (*backend_->counts)[tools_.worker], error);
    // Any client can ask for a name that no server has.
    const bool is_clients_choice = error == tls_failed && backend_->tls->has_name_of_client();
    if (!is_local_error(error) && !is_clients_choice) {
        if (FailureReports* const failure_reports = slot_.server().failure_reports.get()) {
            failure_reports->report(health::Failure::connect);
        }
    }
    relay_.server().close();
    slot_.release();
}

// The first server of the walk is the owner.
void Connection::pass_over(Spill spill) {
    if (spill_ == Spill::none) spill_ = spill;
}

// Has `stream` speak TLS once it is connected, behind the PROXY header. False if the name that is
// to be verified can be none.
bool Connection::begin_server_tls(Stream& stream, const Preread& preread) {
    const TlsClient& client = *backend_->tls;
    const Server& server = slot_.server();
    const std::string asked_for = client.has_name_of_client() ? preread.authority() : "";
    Ssl ssl = client.connect({server.id, server.address, asked_for, server.host}, kept_session());
    if (!ssl) {
        note_tls_failure("its name is none of a host");
        return false;
    }
    stream.begin_tls(std::make_unique<TlsStream>(
        std::move(ssl), tools_.tls, client.allows_truncation(), std::string(),
        backend_->sends_header() ? upstream_header(backend_->send_proxy, preread) : std::string()));
    return true;
}

// Goes on with the server's handshake. Whether it waits.
bool Connection::secures_server() {
    Side& server = relay_.server();
    const TlsSession& session = server.stream.tls()->session();
    if (session.is_complete()) return false;
    const bool had_begun = SSL_in_before(session.ssl()) == 0;
    const IoResult got = shake_hands(server);
    const bool begins = !had_begun && SSL_in_before(session.ssl()) == 0;
    // A server may wait with the second part of its answer for the first to be acknowledged.
    if (begins && !slot_.server().address.is_unix) acknowledge_at_once(server.stream);
    if (got.would_block()) return true;
    if (got.moved()) {
        auto& counts = (*backend_->counts)[tools_.worker];
        counts.tls_handshakes.add(1);
        if (SSL_session_reused(session.ssl()) == 1) counts.tls_resumed.add(1);
        return false;
    }
    if (session.failure() == TlsFailure::resources) {
        server.set_broken(ENOMEM);
    } else {
        note_tls_failure(session.reason().empty() ? "the connection ended within the handshake"
                                                  : session.reason());
        server.set_broken(got.failed() ? got.error() : tls_failed);
    }
    return false;
}

// The dial has failed with `error`, after the connect perhaps. The next one is not to fail for what
// this one would have resumed.
void Connection::note_broken_handshake(int error) {
    const Side& server = relay_.server();
    if (!server.writable || server.stream.tls() == nullptr) return;
    if (KeptTlsSession* const kept = kept_session()) kept->session.reset();
    if (!server.stream.tls()->session().reason().empty()) return;
    if (error == ETIMEDOUT) note_tls_failure("no answer within the handshake");
    if (error == ECONNRESET) note_tls_failure("reset within the handshake");
}

// The server leaves.
void Connection::abandon_dial() {
    is_abandoned_ = true;
    advance(Clock::now());
}

// The worker's session with the slot's server.
KeptTlsSession* Connection::kept_session() const {
    const auto& sessions = slot_.server().tls_sessions;
    return sessions ? &(*sessions)[tools_.worker] : nullptr;
}

void Connection::note_tls_failure(std::string_view words) {
    server_failure_ = std::make_unique<std::string>(
        fmt::format("server {}: {}", escaped(slot_.server().id), words));
}

}  // namespace ringway::proxy
