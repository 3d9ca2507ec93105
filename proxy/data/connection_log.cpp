// What a connection writes into the log: one line at its end, and lines for debugging.
#include <cerrno>
#include <chrono>
#include <iterator>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "proxy/base/access_log.h"
#include "proxy/data/connection.h"
#include "proxy/text/escape.h"

namespace ringway::proxy {

namespace {

double ms_of(Clock::duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

void Connection::write_log_line(TimePoint now) const {
    const TlsStream* const tls = relay_.client().stream.tls();
    const bool agreed = tls != nullptr && tls->session().is_complete();
    log_access({.listener = intake_->listener,
                .client = client_.endpoint(),
                .key = key_,
                .placed_by = missing_ != CloseReason::none && placed_by_ != PlacedBy::nothing
                                 ? to_string(placed_by_)
                                 : "",
                .missing = to_string(missing_),
                .server = slot_ ? std::string_view(slot_.server().id) : "",
                .attempts = attempts_,
                .bytes_up = relay_.bytes_up(),
                .bytes_down = relay_.bytes_down(),
                .open_ms = static_cast<double>(open_ms_),
                .total_ms = ms_of(now - accepted_at_),
                .end = to_string(end_),
                .tls = agreed ? SSL_get_version(tls->session().ssl()) : "",
                .tls_error = tls_error(),
                .pool = shown_pool(),
                .is_fallback = fell_back_});
}

// The pool that it came to, where the listener leaves a choice.
std::string_view Connection::shown_pool() const {
    const bool has_choice = intake_->backends.size() > 1 || fell_back_;
    return backend_ != nullptr && has_choice ? std::string_view(backend_->pool)
                                             : std::string_view();
}

// Of the client's TLS, else of the server's that was reached last.
std::string_view Connection::tls_error() const {
    for (const Side* const side : {&relay_.client(), &relay_.server()}) {
        const TlsStream* const tls = side->stream.tls();
        if (tls != nullptr && !tls->session().reason().empty()) return tls->session().reason();
    }
    return server_failure_ ? std::string_view(*server_failure_) : std::string_view();
}

void Connection::debug(std::string_view message) const {
    const conf::Endpoint client = client_.endpoint();
    log_debug({.worker = tools_.worker,
               .number = number_,
               .listener = intake_->listener,
               .client = client,
               .key = key_,
               .message = message});
}

// What it is placed by, and its owner: only servers that are online are on the ring.
void Connection::debug_placement(const ring::Snapshot& snapshot, const Preread& preread) const {
    const std::uint64_t hash = snapshot.hash(preread.key());
    const ring::Member* const owner = snapshot.owner(hash);
    std::string by = "its key";
    if (missing_ != CloseReason::none && placed_by_ != PlacedBy::nothing) {
        by = fmt::format("{}, {}", to_string(placed_by_), to_string(missing_));
    }
    debug(fmt::format("placed by {}: hash {:#018x}, owner {} of pool {}, ring {}", by, hash,
                      owner != nullptr ? escaped(owner->id) : "none", backend_->pool,
                      snapshot.generation()));
}

void Connection::debug_full(const ring::Snapshot& snapshot, const ring::Member& member) const {
    auto why = snapshot.verdict(member);
    // Another connection has ended in between.
    if (why == ring::Verdict::takes) why = ring::Verdict::full;
    debug(fmt::format("server {} passed over: {}, {} open", escaped(member.id),
                      ring::to_string(why), member.live()));
}

void Connection::debug_dial() const {
    debug(fmt::format("dial {} of {}: server {} at {}", attempts_, backend_->connect.attempts,
                      escaped(slot_.server().id), escaped(slot_.server().address.to_string())));
}

// The dial that began at moved_at_ has ended with `error`, or has connected if that is 0.
void Connection::debug_dialled(int error) const {
    std::string outcome = "connected";
    if (error == ECANCELED) {
        outcome = "given up";
    } else if (error == tls_failed && server_failure_) {
        outcome = "TLS: " + *server_failure_;
    } else if (error != 0) {
        outcome = std::generic_category().message(error);
    }
    debug(fmt::format("dial of server {}: {} after {:.1f} ms", escaped(slot_.server().id), outcome,
                      ms_of(Clock::now() - standstill_.moved_at())));
}

void Connection::debug_end(TimePoint now) const {
    debug(fmt::format("ended: {}, server {}, {} bytes up, {} down, {:.1f} ms", to_string(end_),
                      slot_ ? escaped(slot_.server().id) : "none", relay_.bytes_up(),
                      relay_.bytes_down(), ms_of(now - accepted_at_)));
}

}  // namespace ringway::proxy
