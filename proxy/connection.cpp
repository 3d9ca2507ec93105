#include "proxy/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "proxy/access_log.h"
#include "proxy/address.h"
#include "proxy/dialing.h"
#include "proxy/introduction.h"
#include "proxy/lost_peer.h"

namespace ringway::proxy {

namespace {

using std::chrono::milliseconds;

// How long a relay that waits for acknowledgements before a reset waits to look
// again: longer each time that nothing has moved.
constexpr milliseconds shortest_settle_pause{5};
constexpr milliseconds longest_settle_pause{250};
// A connection that lasts so long gets the socket options for lost peers on its
// server's side too; most are over by then and are spared the system calls.
constexpr milliseconds lasting_after{1'000};
// Between two tries to dial while this machine lacks descriptors or memory.
constexpr milliseconds exhausted_pause{100};
constexpr auto nothing_asked = static_cast<std::size_t>(-1);
// A client that broke off waits for nothing; what it sent before has this long
// to reach the server.
constexpr milliseconds client_reset_grace{50};

// A server may answer and break off before anybody has looked.
bool has_bytes(const Side& side) {
    char byte = 0;
    return ::recv(side.socket.get(), &byte, 1, MSG_PEEK) == 1;
}

// A server that breaks off so soon, without a byte, has not served.
constexpr milliseconds early_reset_within{1'000};

// So much of a client's first bytes is kept while its server is dialled.
constexpr std::size_t read_ahead_bytes = 4096;

// More of a key than this is not kept for the log.
constexpr std::size_t logged_key_bytes = 128;

}  // namespace

Connection::Connection(ConnectionTools& tools, std::shared_ptr<const Route> route,
                       conf::Endpoint client, Admission admission)
    : tools_(tools),
      route_(std::move(route)),
      admission_(std::move(admission)),
      client_(std::move(client)),
      relay_(*this, tools.relay),
      accepted_at_(Clock::now()),
      unacknowledged_(nothing_asked) {
    auto& counts = (*route_->counts)[tools_.worker];
    counts.accepted.add(1);
    counts.active.add(1);
}

Connection::~Connection() {
    (*route_->counts)[tools_.worker].active.subtract(1);
}

void Connection::start(Fd socket, std::shared_ptr<const ring::Snapshot> snapshot) {
    opening_ = open(std::move(socket), std::move(snapshot));
    advance(accepted_at_);
}

// A connection's way from accept to relay, top to bottom. It sleeps wherever it
// says suspend_always; an event of either socket or the deadline wakes it.
Task Connection::open(Fd socket, std::shared_ptr<const ring::Snapshot> snapshot) {
    Side& client = relay_.client();
    Side& server = relay_.server();
    if (!client.open(std::move(socket), tools_.relay.poller)) co_return finish(End::local_error);

    // The key, behind the PROXY header where clients must send one.
    Intake intake = take_in();
    std::string head;  // what was read in search of it
    if (intake.wants_bytes()) tools_.timers.set(*this, accepted_at_ + route_->timeouts.key);
    while (intake.wants_bytes()) {
        const Received received = receive(head, intake.limit_bytes());
        if (received == Received::bytes) {
            intake.read(head);
            client_ = intake.origin().source;
        } else if (received == Received::over) {
            co_return finish(End::client_left);
        } else if (late_) {
            co_return finish(End::key_timeout);
        } else {
            co_await std::suspend_always{};
        }
    }
    note_placement(intake);
    if (intake.refusal() != End::none) co_return finish(intake.refusal());
    if (head.empty() && !read_ahead(head)) co_return finish(End::client_left);
    speaks_first_ = !head.empty() || route_->send_proxy.version != conf::SendProxy::Version::none;

    // The servers in the key's order of preference, but for those that are full,
    // until one answers.
    ring::Walk walk(*snapshot, snapshot->hash(intake.key()));
    End failure = End::no_server;
    bool connected = false;
    bool went_out = false;  // a dial left this machine
    const auto budget = route_->connect.budget;
    const TimePoint spent_at = budget.count() > 0 ? Clock::now() + budget : TimePoint::max();
    while (attempts_ < route_->connect.attempts) {
        if (attempts_ > 0 && Clock::now() >= spent_at) break;
        const ring::Member* member = walk.next();
        if (member == nullptr) break;
        if (attempts_ == 0) failure = End::servers_full;
        if (!claim(*snapshot, *member)) continue;
        ++attempts_;
        failure = End::connect_failed;

        int error = dial();
        const TimePoint give_up_at = std::min(moved_at_ + route_->connect.timeout, spent_at);
        while (is_exhausted(error)) {
            // Holding on to the client makes accepting pause; then this server again.
            if (Clock::now() > give_up_at) {
                count_failed_dial(slot_.counts(), (*route_->pool_counts)[tools_.worker], error);
                co_return finish(End::local_error);
            }
            late_ = false;
            tools_.timers.set(*this, Clock::now() + exhausted_pause);
            while (dial_is_pending()) co_await std::suspend_always{};
            if (client.broken) co_return finish(End::client_left);
            error = dial();
        }
        late_ = false;
        if (error == 0) {
            tools_.timers.set(*this, give_up_at);
            while (dial_is_pending()) co_await std::suspend_always{};
        }
        if (client.broken) co_return finish(End::client_left);
        connected = server.writable && (!server.broken || has_bytes(server));
        if (connected) break;
        if (late_) error = give_up_at < spent_at ? ETIMEDOUT : ECANCELED;
        if (error == 0) error = server.error;
        went_out = went_out || local_fault_of(error) == health::LocalFault::none;
        drop_server(error);
    }
    if (!connected) co_return finish(attempts_ > 0 && !went_out ? End::local_error : failure);
    begin_relay(intake, head);
}

Intake Connection::take_in() const {
    Origin origin{.source = client_};
    if (route_->key.needs_destination()) {
        origin.destination = local_address(relay_.client().socket);
    }
    const auto& proxy = route_->proxy_protocol;
    return {route_->key, proxy ? &*proxy : nullptr, std::move(origin)};
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
    if (got == 0 || errno != EAGAIN) return Received::over;
    client.readable = false;
    return Received::nothing_yet;
}

// What a client has sent by the time that it is accepted can go to the server with the
// handshake's last segment. False if it has broken off; an end is left for the relay.
bool Connection::read_ahead(std::string& head) {
    const std::span<char> whole = tools_.relay.buffer;
    const auto buffer = whole.first(std::min(read_ahead_bytes, whole.size()));
    const ssize_t got =
        ::recv(relay_.client().socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got > 0) head.assign(buffer.data(), static_cast<std::size_t>(got));
    return got >= 0 || errno == EAGAIN || errno == EINTR;
}

// Whether the server has a slot left, which this then holds.
bool Connection::claim(const ring::Snapshot& snapshot, const ring::Member& member) {
    ring::Slot claim = snapshot.try_claim(member);
    if (!claim) {
        pass_over(Spill::owner_full);
        return false;
    }
    slot_ = Slot(std::move(claim), tools_.worker);
    return true;
}

// Begins to connect to the slot's server; the errno of what failed at once, or 0.
int Connection::dial() {
    moved_at_ = Clock::now();
    Fd socket = begin_connect(slot_.server().address, route_->connect, speaks_first_);
    if (!socket) return errno;
    return relay_.server().open(std::move(socket), tools_.relay.poller) ? 0 : errno;
}

bool Connection::dial_is_pending() const {
    const Side& server = relay_.server();
    return !server.writable && !server.broken && !relay_.client().broken && !late_;
}

// The dial failed with `error`, which counts against the server unless it is a
// resource that this machine lacks.
void Connection::drop_server(int error) {
    pass_over(Spill::owner_failed);
    count_failed_dial(slot_.counts(), (*route_->pool_counts)[tools_.worker], error);
    if (!is_local_error(error)) {
        if (Trouble* const trouble = slot_.server().trouble.get()) {
            trouble->report(health::Failure::connect);
        }
    }
    relay_.server().close();
    slot_.release();
}

// The first server of the walk is the owner.
void Connection::pass_over(Spill spill) {
    if (spill_ == Spill::none) spill_ = spill;
}

void Connection::note_placement(const Intake& intake) {
    auto& counts = (*route_->counts)[tools_.worker];
    key_ = intake.key().substr(0, logged_key_bytes);
    placed_by_ = intake.placed_by();
    missing_ = intake.missing();
    if (placed_by_ == PlacedBy::source_ip) counts.placed_by_source_ip.add(1);
    if (placed_by_ == PlacedBy::random) counts.placed_at_random.add(1);
}

void Connection::begin_relay(const Intake& intake, const std::string& head) {
    if (route_->send_proxy.version == conf::SendProxy::Version::none) {
        relay_.hold_for_server(head);
    } else {
        relay_.hold_for_server(
            header_for_server(route_->send_proxy, intake, relay_.client().socket) + head);
    }
    relaying_ = true;
    slot_.counts().total.add(1);
    auto& counts = (*route_->pool_counts)[tools_.worker];
    counts.picks.add(1);
    if (spill_ == Spill::owner_full) counts.spills_full.add(1);
    if (spill_ == Spill::owner_failed) counts.spills_failed.add(1);
    const TimePoint dialled_at = std::exchange(moved_at_, Clock::now());
    counts.connect_times.observe(moved_at_ - dialled_at);
    open_ms_ = std::chrono::duration<float, std::milli>(moved_at_ - accepted_at_).count();
}

void Connection::on_side_ready() {
    advance(tools_.relay.poller.round_began());
}

void Connection::on_deadline() {
    late_ = true;
    advance(Clock::now());
}

// Takes the connection as far as it goes now, in whichever step it is.
void Connection::advance(TimePoint now) {
    if (end_ != End::none) return;
    if (opening_) {
        opening_.resume();
        if (!opening_.done()) return;
        opening_.reset();
        late_ = false;
        if (end_ != End::none) return;
    }
    move_bytes(now);
}

void Connection::move_bytes(TimePoint now) {
    const auto before = progress();
    const Relay::State state = relay_.pump();
    if (progress() != before) {
        moved_at_ = now;
        unacknowledged_ = nothing_asked;
    }
    count_bytes();
    const bool broken = relay_.client().broken || relay_.server().broken;
    if (state == Relay::State::ended) return finish(broken ? broken_end() : End::done);

    const bool settling = state == Relay::State::settling;
    if ((settling || relay_deadline() <= now) && reader_caught_up()) moved_at_ = now;
    const TimePoint deadline = relay_deadline();
    if (deadline <= now) {
        if (broken) return finish(broken_end());
        return finish(relay_.half_closed() ? End::half_close_timeout : End::idle_timeout);
    }
    const TimePoint lasts_from = accepted_at_ + lasting_after;
    if (!lasting_ && lasts_from <= now) {
        watch_for_lost_peer(relay_.server().socket.get(), route_->timeouts);
        lasting_ = true;
    }
    const TimePoint look_again = settling ? now + settle_pause_ : deadline;
    tools_.timers.set(*this, lasting_ ? look_again : std::min(look_again, lasts_from));
}

// Whether a peer has acknowledged some of what the kernel still held for it when
// last asked: a slow reader is no idle one. Asked only when time is up.
bool Connection::reader_caught_up() {
    const std::size_t left = relay_.unacknowledged();
    const std::size_t before = std::exchange(unacknowledged_, left);
    const bool caught_up = before == nothing_asked ? left > 0 : left < before;
    settle_pause_ =
        caught_up ? shortest_settle_pause
                  : std::clamp(settle_pause_ * 2, shortest_settle_pause, longest_settle_pause);
    return caught_up;
}

// Changes with every byte delivered and with every end of a direction.
std::uint64_t Connection::progress() const {
    return relay_.bytes_up() + relay_.bytes_down() + (relay_.half_closed() ? 1 : 0) +
           (relay_.client().broken ? 1 : 0) + (relay_.server().broken ? 1 : 0);
}

End Connection::broken_end() const {
    if (relay_.client().broken) {
        return relay_.client().error == ETIMEDOUT ? End::client_lost : End::client_reset;
    }
    return relay_.server().error == ETIMEDOUT ? End::server_lost : End::server_reset;
}

// When the relay has waited long enough, as things stand.
TimePoint Connection::relay_deadline() const {
    const auto& timeouts = route_->timeouts;
    if (relay_.client().broken) return moved_at_ + client_reset_grace;
    if (relay_.half_closed() || relay_.server().broken) {
        return moved_at_ + std::min(timeouts.half_close, timeouts.idle);
    }
    return moved_at_ + timeouts.idle;
}

// The server's counts grow while a long connection lives.
void Connection::count_bytes() {
    slot_.counts().bytes_up.add(relay_.bytes_up() - std::exchange(counted_up_, relay_.bytes_up()));
    slot_.counts().bytes_down.add(relay_.bytes_down() -
                                  std::exchange(counted_down_, relay_.bytes_down()));
}

void Connection::cut(End reason) {
    if (end_ == End::none) finish(reason);
}

// The one way out. open() may be what calls it, so the coroutine is not destroyed
// here: advance() does that, or the worker with the connection, after the round.
void Connection::finish(End reason) {
    const TimePoint now = Clock::now();
    end_ = reason;
    tools_.timers.cancel(*this);
    if (reason == End::server_reset) report_early_reset(now);
    auto& counts = (*route_->counts)[tools_.worker];
    counts.ended(reason).add(1);
    if (relaying_) {
        (*route_->pool_counts)[tools_.worker].sessions.observe(now - accepted_at_);
    } else {
        counts.refused.add(1);
    }
    if (route_->log_access) write_log_line(now);
    // Before the sockets close: a peer who has seen the end finds it counted, and
    // the place on the server free.
    slot_.release();
    relay_.close();
    tools_.retire(*this);
}

void Connection::report_early_reset(TimePoint now) const {
    Trouble* const trouble = slot_.server().trouble.get();
    if (trouble == nullptr || relay_.bytes_down() > 0) return;
    const auto open_for = now - accepted_at_ - std::chrono::duration<float, std::milli>(open_ms_);
    if (open_for <= early_reset_within) trouble->report(health::Failure::early_reset);
}

void Connection::write_log_line(TimePoint now) const {
    const std::chrono::duration<double, std::milli> total = now - accepted_at_;
    log_access({.listener = route_->listener,
                .client = client_,
                .key = key_,
                .placed_by = missing_ != End::none && placed_by_ != PlacedBy::nothing
                                 ? to_string(placed_by_)
                                 : "",
                .missing = to_string(missing_),
                .server = slot_ ? std::string_view(slot_.server().id) : "",
                .attempts = attempts_,
                .bytes_up = relay_.bytes_up(),
                .bytes_down = relay_.bytes_down(),
                .open_ms = static_cast<double>(open_ms_),
                .total_ms = total.count(),
                .end = to_string(end_)});
}

}  // namespace ringway::proxy
