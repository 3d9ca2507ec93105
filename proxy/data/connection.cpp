#include "proxy/data/connection.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "proxy/base/access_log.h"
#include "proxy/data/dialing.h"
#include "proxy/data/tls_end.h"
#include "proxy/data/upstream_header.h"
#include "proxy/net/address.h"
#include "proxy/net/lost_peer.h"

namespace ringway::proxy {

namespace {

using std::chrono::milliseconds;

// A connection that lasts so long gets the socket options for lost peers on its
// server's side too; most have ended by then and save the system calls.
constexpr milliseconds lasting_after{1'000};
// Between two tries to dial while this machine lacks descriptors or memory.
constexpr milliseconds exhausted_pause{100};

// A server that resets so soon, without a byte, has failed.
constexpr milliseconds early_reset_within{1'000};

// So much of a client's first bytes is kept while its server is dialled.
constexpr std::size_t read_ahead_bytes = 4096;

// More of a key than this is not kept for the log.
constexpr std::size_t logged_key_bytes = 128;

}  // namespace

Connection::Connection(ConnectionTools& tools, std::shared_ptr<const Intake> intake,
                       const conf::Endpoint& client, Admission admission)
    : tools_(tools),
      intake_(std::move(intake)),
      admission_(std::move(admission)),
      client_(client),
      relay_(*this, tools.relay),
      accepted_at_(Clock::now()),
      number_(++tools.last_number) {
    auto& counts = (*intake_->counts)[tools_.worker];
    counts.accepted.add(1);
    counts.active.add(1);
}

Connection::~Connection() {
    (*intake_->counts)[tools_.worker].active.subtract(1);
}

void Connection::start(Stream stream) noexcept {
    if (client_.is_unix()) keep_urgent_in_place(stream);
    const bool watched = relay_.client().open(std::move(stream), tools_.relay.poller);
    try {
        if (logs_debug()) debug("accepted");
        auto from = watched ? origin() : std::nullopt;
        if (from) opening_ = open(std::move(*from));
    } catch (const std::bad_alloc&) {
        opening_.reset();
    }
    if (!opening_) return finish(CloseReason::local_error);
    advance(accepted_at_);
}

// A connection's steps from accept to relay, top to bottom. It suspends at each
// suspend_always; an event of either stream or the deadline resumes it.
Task Connection::open(Origin from) {
    Side& client = relay_.client();
    Side& server = relay_.server();

    // The route and the key, behind the PROXY header and TLS where clients must send them.
    const auto& proxy = intake_->proxy_protocol;
    Preread preread(intake_->routes, proxy ? &*proxy : nullptr, std::move(from),
                    intake_->tls != nullptr);
    FirstBytes first;  // what was read in search of them
    while (preread.wants_bytes()) {
        const CloseReason over = bring_in(preread, first);
        if (over != CloseReason::none) co_return finish(over);
        if (!preread.wants_bytes()) break;
        wait_for_key(preread);
        co_await std::suspend_always{};
    }
    note_placement(preread);
    if (preread.refusal() != CloseReason::none) co_return finish(preread.refusal());
    if (!read_ahead(first)) co_return finish(early_end());

    // The servers in the key's order of preference, but for those that are full,
    // until one answers.
    Candidates candidates;
    begin_walk(candidates, preread);
    bool connected = false;
    bool went_out = false;  // a dial left this machine
    const auto budget = backend_->connect.budget;
    const TimePoint spent_at = budget.count() > 0 ? Clock::now() + budget : TimePoint::max();
    while (attempts_ < backend_->connect.attempts + abandoned_) {
        if (attempts_ > 0 && Clock::now() >= spent_at) break;
        if (!claim_next(candidates, preread)) break;
        ++attempts_;

        int error = dial(preread);
        TimePoint give_up_at = dial_ends_at(spent_at);
        while (is_exhausted(error)) {
            if (logs_debug()) debug_dialled(error);
            // The client waits, which makes accepting pause; then this server is tried again.
            if (Clock::now() > give_up_at) {
                count_failed_dial(slot_.counts(), (*backend_->counts)[tools_.worker], error);
                co_return finish(CloseReason::local_error);
            }
            late_ = false;
            tools_.timers.set(*this, Clock::now() + exhausted_pause);
            while (dial_is_pending()) co_await std::suspend_always{};
            if (client.broken) co_return finish(CloseReason::client_left);
            error = dial(preread);
        }
        late_ = false;
        if (error == 0) {
            give_up_at = dial_ends_at(spent_at);
            tools_.timers.set(*this, give_up_at);
            while (dial_is_pending()) co_await std::suspend_always{};
        }
        if (client.broken) co_return finish(CloseReason::client_left);
        connected = has_connected(error);
        if (connected) break;
        if (late_) error = give_up_at < spent_at ? ETIMEDOUT : ECANCELED;
        if (error == 0) error = server.error;
        went_out = went_out || local_fault_of(error) == health::LocalFault::none;
        drop_server(error);
    }
    if (!connected) co_return finish(went_out ? CloseReason::connect_failed : candidates.none);
    begin_relay(preread, first.head);
}

// What a client has sent by the time that it is accepted can go to the server with the
// handshake's last segment. False if it has reset; an end is left for the relay.
bool Connection::read_ahead(FirstBytes& first) {
    std::string& head = first.head += first.beyond;
    bool has_reset = false;
    if (head.empty()) {
        const std::span<char> whole = tools_.relay.buffer;
        Stream& client = relay_.client().stream;
        // Of TLS, what has come as a whole.
        const auto most = client.tls() != nullptr ? whole.size() : read_ahead_bytes;
        const auto buffer = whole.first(std::min(most, whole.size()));
        const IoResult got = client.read(buffer);
        if (got.moved()) head.assign(buffer.data(), got.bytes());
        has_reset = got.failed();
        if (has_reset) relay_.client().set_broken(got.error());
    }
    has_first_bytes_ = !head.empty();
    return !has_reset;
}

void Connection::note_placement(const Preread& preread) {
    auto& counts = (*intake_->counts)[tools_.worker];
    key_ = preread.key().substr(0, logged_key_bytes);
    placed_by_ = preread.placed_by();
    if (preread.route()) backend_ = intake_->backends[*preread.route()].get();
    missing_ = preread.missing();
    if (placed_by_ == PlacedBy::source_ip) counts.placed_by_source_ip.add(1);
    if (placed_by_ == PlacedBy::random) counts.placed_at_random.add(1);
}

void Connection::begin_relay(const Preread& preread, const std::string& head) {
    if (logs_debug()) debug_dialled(0);
    // With TLS the header is out already.
    const bool header_is_due = backend_->sends_header() && !backend_->tls;
    relay_.hold_for_server(header_is_due ? upstream_header(backend_->send_proxy, preread) + head
                                         : head);
    relaying_ = true;
    for (Side* const side : {&relay_.client(), &relay_.server()}) {
        side->readable = side->readable || side->stream.has_buffered_bytes();
    }
    speaks_first_ = speaks_first_ && !slot_.server().address.is_unix;
    slot_.counts().total.add(1);
    auto& counts = (*backend_->counts)[tools_.worker];
    counts.picks.add(1);
    if (spill_ == Spill::owner_full) counts.spills_full.add(1);
    if (spill_ == Spill::owner_failed) counts.spills_failed.add(1);
    const TimePoint now = Clock::now();
    counts.connect_times.observe(now - standstill_.moved_at());
    standstill_.set_moved_at(now);
    open_ms_ = std::chrono::duration<float, std::milli>(now - accepted_at_).count();
}

void Connection::on_side_ready() {
    advance(tools_.relay.poller.round_began());
}

void Connection::on_deadline() {
    late_ = true;
    advance(Clock::now());
}

// Continues the connection in its present step, as far as it goes now. What it has taken and
// not given on when memory is short is lost, so both sides are reset.
void Connection::advance(TimePoint now) noexcept {
    if (end_ != CloseReason::none) return;
    try {
        advance_step(now);
    } catch (const std::bad_alloc&) {
        if (end_ == CloseReason::none) finish(CloseReason::local_error);
    }
}

void Connection::advance_step(TimePoint now) {
    if (opening_) {
        opening_.resume();
        if (!opening_.done()) return;
        opening_.reset();
        late_ = false;
        if (end_ != CloseReason::none) return;
    }
    move_bytes(now);
}

void Connection::move_bytes(TimePoint now) {
    const auto& timeouts = intake_->timeouts;
    Relay::State state = pump(now);
    if (state == Relay::State::writing) return;
    if (state != Relay::State::ended && standstill_.look(relay_, state, timeouts, now)) {
        state = pump(now);
    }
    const bool broken = relay_.client().broken || relay_.server().broken;
    if (state == Relay::State::ended) return finish(broken ? broken_end() : CloseReason::done);
    const TimePoint deadline = standstill_.deadline(relay_, timeouts);
    if (deadline <= now) return finish(broken ? broken_end() : standstill_.timeout(relay_));

    const TimePoint lasts_from = accepted_at_ + lasting_after;
    if (!lasting_ && lasts_from <= now) {
        watch_for_lost_peer(relay_.server().stream.descriptor(), timeouts);
        lasting_ = true;
    }
    const TimePoint look_at = standstill_.next_look(state, deadline, now);
    tools_.timers.set(*this, lasting_ ? look_at : std::min(look_at, lasts_from));
}

Relay::State Connection::pump(TimePoint now) {
    const auto before = progress();
    const auto up_before = relay_.bytes_up();
    const Relay::State state = relay_.pump();
    if (state == Relay::State::writing) return state;
    if (progress() != before) standstill_.moved(now, intake_->timeouts);
    count_bytes();
    if (speaks_first_) acknowledge_answer(relay_.bytes_up() != up_before);
    return state;
}

// On a stream that was written to first the kernel expects a dialogue and delays acknowledgements
// by up to 40 ms, for which a server waits that writes its answer in two pieces (Nagle's
// algorithm, RFC 9293, 3.7.4). So the first answer is acknowledged at once. Until the next round
// the acknowledgement may still go with a segment that is sent anyway: with the client's next
// bytes (`sent`), or after the server's end. After the client's end there is no such segment, and
// the option is set before the answer comes.
void Connection::acknowledge_answer(bool sent) {
    const bool answered = relay_.bytes_down() > 0;
    const bool ended = relay_.half_closed();
    if (!answered && !ended) return;
    if (!answered_ && !ended) {
        answered_ = true;
        return tools_.relay.poller.call_again(relay_.server());
    }
    speaks_first_ = false;
    const Side& server = relay_.server();
    if ((!sent || ended) && !server.hung_up) acknowledge_at_once(server.stream);
}

// Changes with every byte delivered and with every end of a direction.
std::uint64_t Connection::progress() const {
    const int ends =
        relay_.closed_directions() + int{relay_.client().broken} + int{relay_.server().broken};
    return relay_.bytes_up() + relay_.bytes_down() + static_cast<std::uint64_t>(ends);
}

CloseReason Connection::broken_end() const {
    const bool is_client = relay_.client().broken;
    const Side& side = is_client ? relay_.client() : relay_.server();
    // A peer that refuses TLS may reset after its alert.
    const TlsStream* const tls = side.stream.tls();
    const bool is_refused = tls != nullptr && tls->session().failure() != TlsFailure::none;
    if (side.error == tls_failed || is_refused) {
        return is_client ? tls_end(side.stream) : server_tls_end(side.stream);
    }
    if (is_exhausted(side.error)) return CloseReason::local_error;
    if (means_lost(side.error)) {
        return is_client ? CloseReason::client_lost : CloseReason::server_lost;
    }
    return is_client ? CloseReason::client_reset : CloseReason::server_reset;
}

// The server's counts grow while a long connection lives.
void Connection::count_bytes() {
    slot_.counts().bytes_up.add(relay_.bytes_up() - std::exchange(counted_up_, relay_.bytes_up()));
    slot_.counts().bytes_down.add(relay_.bytes_down() -
                                  std::exchange(counted_down_, relay_.bytes_down()));
}

void Connection::cut(CloseReason reason) {
    if (end_ == CloseReason::none) finish(reason);
}

// The only exit. open() may be its caller, so the coroutine is not destroyed here:
// advance() does that, or the worker with the connection, after the round.
void Connection::finish(CloseReason reason) {
    const TimePoint now = Clock::now();
    end_ = reason;
    tools_.timers.cancel(*this);
    if (reason == CloseReason::server_reset || reason == CloseReason::server_tls) {
        report_early_reset(now);
    }
    auto& counts = (*intake_->counts)[tools_.worker];
    counts.ended(reason).add(1);
    if (relaying_) {
        (*backend_->counts)[tools_.worker].sessions.observe(now - accepted_at_);
    } else {
        counts.refused.add(1);
    }
    try {
        if (logs_debug()) debug_end(now);
        if (intake_->log_access) write_log_line(now);
    } catch (const std::bad_alloc&) {
        // The line is lost; the counts above have it.
    }
    // Before the streams close: a peer that has seen the end finds it counted, and
    // the slot on the server free.
    slot_.release();
    relay_.close();
    tools_.on_closed(*this);
}

void Connection::report_early_reset(TimePoint now) const {
    FailureReports* const failure_reports = slot_.server().failure_reports.get();
    if (failure_reports == nullptr || relay_.bytes_down() > 0) return;
    const auto open_for = now - accepted_at_ - std::chrono::duration<float, std::milli>(open_ms_);
    if (open_for <= early_reset_within) failure_reports->report(health::Failure::early_reset);
}

}  // namespace ringway::proxy
