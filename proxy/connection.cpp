#include "proxy/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "proxy/access_log.h"
#include "proxy/address.h"
#include "proxy/key_reader.h"

namespace ringway::proxy {

namespace {

using std::chrono::milliseconds;

// How often a relay that waits for acknowledgements before a reset looks again.
constexpr milliseconds settle_interval{5};
// A client that broke off waits for nothing; what it sent before has this long
// to reach the server.
constexpr milliseconds client_reset_grace{50};
bool is_local_error(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == EADDRNOTAVAIL || error == EAGAIN;
}

// More of a key than this is not kept for the log.
constexpr std::size_t logged_key_bytes = 128;

}  // namespace

const char* to_string(End end) {
    switch (end) {
        case End::none:
            return "none";
        case End::done:
            return "done";
        case End::client_reset:
            return "client_reset";
        case End::server_reset:
            return "server_reset";
        case End::client_left:
            return "client_left";
        case End::key_timeout:
            return "key_timeout";
        case End::key_too_large:
            return "key_too_large";
        case End::key_missing:
            return "key_missing";
        case End::key_malformed:
            return "key_malformed";
        case End::no_server:
            return "no_server";
        case End::connect_failed:
            return "connect_failed";
        case End::idle_timeout:
            return "idle_timeout";
        case End::half_close_timeout:
            return "half_close_timeout";
        case End::local_error:
            return "local_error";
        case End::shutdown:
            return "shutdown";
    }
    return "unknown";
}

Connection::Connection(ConnectionTools& tools, std::shared_ptr<const Route> route,
                       conf::Endpoint client)
    : tools_(tools),
      route_(std::move(route)),
      client_(client),
      relay_(*this, tools.relay),
      accepted_at_(tools.relay.poller.now()) {
    auto& counts = (*route_->counts)[tools_.worker];
    counts.accepted.add(1);
    counts.active.add(1);
}

Connection::~Connection() {
    (*route_->counts)[tools_.worker].active.subtract(1);
}

void Connection::start(Fd socket, std::shared_ptr<const ring::Snapshot> snapshot) {
    opening_ = open(std::move(socket), std::move(snapshot));
    advance();
}

// A connection's way from accept to relay, top to bottom. It sleeps wherever it
// says suspend_always; an event of either socket or the deadline wakes it.
Task Connection::open(Fd socket, std::shared_ptr<const ring::Snapshot> snapshot) {
    Side& client = relay_.client();
    Side& server = relay_.server();
    if (!client.open(std::move(socket), tools_.relay.poller)) co_return finish(End::local_error);

    // The key.
    KeyReader reader(route_->key, client_);
    std::string head;  // what was read in search of it
    if (reader.state() == KeyReader::State::wants_bytes) {
        tools_.timers.set(*this, accepted_at_ + route_->timeouts.key);
    }
    while (reader.state() == KeyReader::State::wants_bytes) {
        const Received received = receive(head, reader.limit_bytes());
        if (received == Received::bytes) {
            reader.read(head);
        } else if (received == Received::over) {
            co_return finish(End::client_left);
        } else if (late_) {
            co_return finish(End::key_timeout);
        } else {
            co_await std::suspend_always{};
        }
    }
    key_ = reader.key().substr(0, logged_key_bytes);
    if (reader.state() == KeyReader::State::too_large) co_return finish(End::key_too_large);
    if (reader.state() == KeyReader::State::missing) co_return finish(End::key_missing);
    if (reader.state() == KeyReader::State::malformed) co_return finish(End::key_malformed);

    // The servers in the key's order of preference, until one answers.
    ring::Walk walk(*snapshot, snapshot->hash(reader.key()));
    const ring::Member* member = walk.next();
    if (member == nullptr) co_return finish(End::no_server);
    bool connected = false;
    while (!connected && member != nullptr && attempts_ < route_->connect.attempts) {
        ++attempts_;
        late_ = false;
        if (dial(*member)) {
            tools_.timers.set(*this, Clock::now() + route_->connect.timeout);
            while (dial_is_pending()) co_await std::suspend_always{};
            if (client.broken) co_return finish(End::client_left);
            connected = server.writable && !server.broken;
            if (!connected) count_dial_failure(late_ ? ETIMEDOUT : server.error);
        } else {
            count_dial_failure(errno);
        }
        if (!connected) {
            drop_server();
            member = walk.next();
        }
    }
    if (!connected) co_return finish(End::connect_failed);
    begin_relay(head);
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

// Begins to connect; false if that failed at once, with the reason in errno.
bool Connection::dial(const ring::Member& member) {
    slot_ = Slot(std::static_pointer_cast<const Server>(member.context), tools_.worker);
    const SocketAddress address(slot_.server().address);
    Fd socket(::socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) return false;
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket.get(), &address.any, address.size) != 0 && errno != EINPROGRESS) {
        return false;
    }
    return relay_.server().open(std::move(socket), tools_.relay.poller);
}

bool Connection::dial_is_pending() const {
    const Side& server = relay_.server();
    return !server.writable && !server.broken && !relay_.client().broken && !late_;
}

// A resource that this machine lacks is no fault of the server.
void Connection::count_dial_failure(int error) {
    if (!is_local_error(error)) slot_.counts().connect_failures.add(1);
}

void Connection::drop_server() {
    relay_.server().close();
    slot_.release();
}

void Connection::begin_relay(const std::string& head) {
    relay_.hold_for_server(head);
    slot_.counts().total.add(1);
    moved_at_ = Clock::now();
    open_ms_ = std::chrono::duration<float, std::milli>(moved_at_ - accepted_at_).count();
    tools_.timers.set(*this, relay_deadline());
}

void Connection::on_side_ready() {
    advance();
}

void Connection::on_deadline() {
    late_ = true;
    advance();
}

// Takes the connection as far as it goes now, in whichever step it is.
void Connection::advance() {
    if (end_ != End::none) return;
    if (opening_) {
        opening_.resume();
        if (!opening_.done()) return;
        opening_.reset();
        late_ = false;
        if (end_ != End::none) return;
    }
    move_bytes();
}

void Connection::move_bytes() {
    const auto before = progress();
    const Relay::State state = relay_.pump();
    if (progress() != before) moved_at_ = Clock::now();
    count_bytes();
    const bool broken = relay_.client().broken || relay_.server().broken;
    if (state == Relay::State::ended) return finish(broken ? broken_end() : End::done);

    const TimePoint due = relay_deadline();
    if (std::exchange(late_, false) && due <= Clock::now()) {
        if (broken) return finish(broken_end());
        return finish(relay_.half_closed() ? End::half_close_timeout : End::idle_timeout);
    }
    const bool settling = state == Relay::State::settling;
    tools_.timers.set(*this, settling ? std::min(due, Clock::now() + settle_interval) : due);
}

// Changes with every byte delivered and with every end of a direction.
std::uint64_t Connection::progress() const {
    return relay_.bytes_up() + relay_.bytes_down() + (relay_.half_closed() ? 1 : 0) +
           (relay_.client().broken ? 1 : 0) + (relay_.server().broken ? 1 : 0);
}

End Connection::broken_end() const {
    return relay_.client().broken ? End::client_reset : End::server_reset;
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

// The one way out. A step of open() that ends the connection is still running
// here, so the coroutine goes with the connection, after the round.
void Connection::finish(End reason) {
    end_ = reason;
    tools_.timers.cancel(*this);
    relay_.close();
    if (moved_at_ == TimePoint{}) (*route_->counts)[tools_.worker].refused.add(1);
    if (route_->log_access) write_log_line();
    slot_.release();
    tools_.retire(tools_.owner, *this);
}

void Connection::write_log_line() const {
    const auto ms = [this](TimePoint t) {
        return std::chrono::duration<double, std::milli>(t - accepted_at_).count();
    };
    log_access({.listener = route_->listener,
                .client = client_,
                .key = key_,
                .server = slot_ ? std::string_view(slot_.server().id) : "-",
                .attempts = attempts_,
                .bytes_up = relay_.bytes_up(),
                .bytes_down = relay_.bytes_down(),
                .open_ms = static_cast<double>(open_ms_),
                .total_ms = ms(Clock::now()),
                .end = to_string(end_)});
}

}  // namespace ringway::proxy
