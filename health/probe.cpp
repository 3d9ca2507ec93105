#include "health/probe.h"

#include <array>
#include <cassert>
#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "health/answer_matcher.h"
#include "health/local_error.h"
#include "health/source.h"
#include "proxy/tls/session.h"

namespace ringway::health {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Stream = asio::generic::stream_protocol;
using boost::system::error_code;

Stream::endpoint to_asio(const conf::Endpoint& endpoint) {
    const auto& bytes = endpoint.address;
    if (endpoint.is_unix) return asio::local::stream_protocol::endpoint(endpoint.path);
    if (endpoint.is_v6) return tcp::endpoint(asio::ip::address_v6(bytes), endpoint.port);
    const asio::ip::address_v4 v4({bytes[0], bytes[1], bytes[2], bytes[3]});
    return tcp::endpoint(v4, endpoint.port);
}

std::string result_of(const error_code& error) {
    using namespace boost::system::errc;
    if (error == connection_refused) return "refused";
    if (error == connection_reset) return "reset";
    if (error == timed_out) return "timeout";
    if (error == no_such_file_or_directory) return "no socket";
    if (error == host_unreachable || error == network_unreachable) return "unreachable";
    return error.message();
}

Outcome failure(const error_code& error, const char* step, LocalFault fault) {
    return {fault != LocalFault::none ? ProbeStatus::not_run : ProbeStatus::failed,
            result_of(error), step + error.message(), fault};
}

Outcome exchange_failure(const error_code& error) {
    const bool is_local = is_exhausted(error.value());
    return failure(error, "answer: ", is_local ? LocalFault::no_resources : LocalFault::none);
}

Outcome source_failure(const conf::Endpoint& source, int error) {
    std::string what = "no address " + address_text(source) + " here";
    if (error != EADDRNOTAVAIL)
        what += ": " + error_code(error, asio::error::get_system_category()).message();
    return {ProbeStatus::not_run, "no address", what, fault_before_connect(error)};
}

// To a unix socket whose queue is full, Asio takes a connect that was refused (EAGAIN) for one that
// is under way, and then for one that has succeeded.
bool has_no_peer(const Stream::socket& socket) {
    error_code error;
    socket.remote_endpoint(error);
    return error == asio::error::not_connected;
}

}  // namespace

// Outlives a cancelled probe until Asio has handed back its handlers.
struct Probe::Attempt : std::enable_shared_from_this<Attempt> {
    Attempt(asio::io_context& io, Probe* probe, const Target& of)
        : socket(io), owner(probe), target(of), answer(target.settings) {}

    void begin();
    void end_later(const Outcome& outcome);
    void connected(const error_code& error);
    void begin_tls();
    void send(std::string_view bytes);
    void await_answer();
    void read_answer();
    void take(std::string_view received);
    void shake_hands(std::string_view received);
    void open(std::string_view received);
    void take_clear(std::string_view bytes);
    void take_end();
    void fail_tls(const std::string& reason);
    void decided(const Outcome& outcome);
    void end(const Outcome& outcome) const {
        if (owner != nullptr) owner->finish(outcome);
    }
    bool speaks() const { return has_exchange(target.settings) || target.tls != nullptr; }
    // An acknowledgement is sent now, and those of the next bytes at once (tcp(7)).
    void acknowledge_at_once(int on) {
        ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    }
    // For a peer that need not read it.
    void send_last(std::string_view bytes) {
        error_code ignored;
        socket.non_blocking(true, ignored);
        if (!bytes.empty()) socket.write_some(asio::buffer(bytes), ignored);
    }

    Stream::socket socket;
    Probe* owner;  // null once cancelled
    const Target target;
    std::string out;  // on its way
    std::string request;
    std::string early;  // of a server that speaks first: came with the end of its handshake
    AnswerMatcher answer;
    std::unique_ptr<proxy::TlsSession> tls;
    const Clock::time_point started = Clock::now();
    bool is_connected = false;
    bool is_sent = false;
};

void Probe::Attempt::begin() {
    const Stream::endpoint remote = to_asio(target.address);
    error_code error;
    socket.open(remote.protocol(), error);
    if (error) return end_later(failure(error, "socket: ", fault_before_connect(error.value())));
    if (const auto& source = target.source) {
        if (const int failed = bind_source(socket.native_handle(), *source); failed != 0) {
            return end_later(source_failure(*source, failed));
        }
    }
    if (has_exchange(target.settings)) request = request_of(target.settings, target.address);
    // The handshake's last step may wait for what is sent next. A server that speaks first
    // would wait with it, for 200 ms.
    const bool speaks_first = target.tls || !target.preface.empty() || !request.empty();
    if (!speaks() || speaks_first) acknowledge_at_once(0);
    socket.async_connect(remote,
                         [self = shared_from_this()](const error_code& e) { self->connected(e); });
}

void Probe::Attempt::end_later(const Outcome& outcome) {
    asio::post(socket.get_executor(), [self = shared_from_this(), outcome] { self->end(outcome); });
}

void Probe::Attempt::connected(const error_code& error) {
    if (owner == nullptr) return;
    if (!error && is_connected_to_itself(socket.native_handle())) {
        return end({ProbeStatus::failed, "refused", "connect: no process listens on that port"});
    }
    if (!error && target.address.is_unix && has_no_peer(socket)) {
        return end({ProbeStatus::failed, "refused", "connect: the queue of the socket is full"});
    }
    if (error) {
        const auto fault = fault_of_connect(error.value(), target.address.is_unix);
        return end(failure(error, "connect: ", fault));
    }
    if (!speaks()) return end({ProbeStatus::passed, "ok", "connect: ok"});
    is_connected = true;
    out = target.preface;
    if (target.tls) return begin_tls();
    send(request);
}

void Probe::Attempt::begin_tls() {
    proxy::Ssl ssl =
        target.tls->connect({.id = target.id, .address = target.address, .host = target.host});
    if (!ssl) return fail_tls("its name is none of a host");
    tls = std::make_unique<proxy::TlsSession>(std::move(ssl));
    shake_hands({});
}

// Sends what is in `out` and these bytes, then waits for the server.
void Probe::Attempt::send(std::string_view bytes) {
    if (tls && !bytes.empty() && !tls->seal(bytes, out)) return fail_tls(tls->reason());
    if (!tls) out += bytes;
    is_sent = false;
    asio::async_write(socket, asio::buffer(out),
                      [self = shared_from_this()](const error_code& failed, std::size_t) {
                          if (self->owner == nullptr) return;
                          if (failed) return self->end(exchange_failure(failed));
                          self->out.clear();
                          self->is_sent = true;
                          // A server whose answer is in two pieces may wait with the second.
                          self->acknowledge_at_once(1);
                          if (self->early.empty()) return self->await_answer();
                          self->open(std::exchange(self->early, {}));
                      });
}

void Probe::Attempt::await_answer() {
    socket.async_wait(tcp::socket::wait_read, [self = shared_from_this()](const error_code& error) {
        if (self->owner == nullptr) return;
        if (error) return self->end(exchange_failure(error));
        self->read_answer();
    });
}

void Probe::Attempt::read_answer() {
    thread_local std::array<char, 4096> buffer;  // of every probe; empty between calls
    error_code error;
    socket.non_blocking(true, error);
    const std::size_t got = socket.read_some(asio::buffer(buffer), error);
    if (error == asio::error::would_block) return await_answer();
    if (error == asio::error::eof) return take_end();
    if (error) return end(exchange_failure(error));
    take({buffer.data(), got});
}

void Probe::Attempt::take(std::string_view received) {
    if (!tls) return take_clear(received);
    tls->state() == proxy::TlsSession::State::handshake ? shake_hands(received) : open(received);
}

void Probe::Attempt::shake_hands(std::string_view received) {
    tls->shake_hands(received, out);
    if (tls->state() == proxy::TlsSession::State::failed) return fail_tls(tls->reason());
    if (tls->state() == proxy::TlsSession::State::handshake) return send({});
    if (!has_exchange(target.settings)) return decided({ProbeStatus::passed, "ok", "TLS: ok"});
    early = received;
    send(request);
}

void Probe::Attempt::open(std::string_view received) {
    std::string room(received.size() + proxy::max_record_bytes, '\0');
    const std::size_t size = tls->open(received, room, out);
    send_last(out);
    out.clear();
    if (size > 0) return take_clear(std::string_view(room).substr(0, size));
    if (tls->state() == proxy::TlsSession::State::failed) return fail_tls(tls->reason());
    if (tls->state() == proxy::TlsSession::State::ended) return take_end();
    await_answer();
}

void Probe::Attempt::take_clear(std::string_view bytes) {
    const auto state = answer.read(bytes);
    if (state == AnswerMatcher::State::needs_bytes) {
        acknowledge_at_once(1);
        return await_answer();
    }
    if (state == AnswerMatcher::State::good)
        return decided({ProbeStatus::passed, "ok", "answer: ok"});
    decided({ProbeStatus::failed, answer.result(), answer.detail()});
}

// The server has ended its direction, on the network or within TLS.
void Probe::Attempt::take_end() {
    using State = proxy::TlsSession::State;
    if (tls && tls->state() == State::handshake) {
        return fail_tls("the connection ended within the handshake");
    }
    if (tls && tls->state() == State::failed) return fail_tls(tls->reason());
    if (tls && tls->state() == State::open && !target.tls->allows_truncation()) {
        return fail_tls("the stream ended without close_notify");
    }
    if (answer.end() == AnswerMatcher::State::good) {
        return decided({ProbeStatus::passed, "ok", "answer: ok"});
    }
    decided({ProbeStatus::failed, answer.result(), answer.detail()});
}

void Probe::Attempt::fail_tls(const std::string& reason) {
    send_last(out);  // the alert
    const bool is_local = tls && tls->failure() == proxy::TlsFailure::resources;
    end({is_local ? ProbeStatus::not_run : ProbeStatus::failed, "TLS: " + reason, "TLS: " + reason,
         is_local ? LocalFault::no_resources : LocalFault::none});
}

// The answer has decided the result; the connection ends after it. A server that was asked by HTTP
// to close does so after its answer.
void Probe::Attempt::decided(const Outcome& outcome) {
    if (tls) {
        tls->end(out);
        send_last(out);
    }
    const auto way =
        target.settings.http ? LingeringCloses::Way::await_end : LingeringCloses::Way::end_at_once;
    owner->lingering_closes_.add(std::move(socket), way, started + target.settings.timeout);
    end(outcome);
}

Probe::Probe(asio::io_context& io, LingeringCloses& lingering_closes, Done done)
    : io_(io), lingering_closes_(lingering_closes), done_(std::move(done)) {}

Probe::~Probe() {
    cancel();
}

void Probe::start(const Target& target) {
    assert(!attempt_);
    attempt_ = std::make_shared<Attempt>(io_, this, target);
    attempt_->begin();
}

bool Probe::is_answered() const {
    if (!attempt_) return false;
    if (!attempt_->socket.is_open()) return true;
    const short events = attempt_->is_sent ? POLLIN : POLLOUT;
    pollfd watched{attempt_->socket.native_handle(), events, 0};
    return ::poll(&watched, 1, 0) == 1;
}

const char* Probe::step() const {
    if (!attempt_ || !attempt_->is_connected) return "connect";
    const auto* const tls = attempt_->tls.get();
    return tls != nullptr && !tls->is_complete() ? "TLS" : "answer";
}

void Probe::cancel() {
    if (!attempt_) return;
    const auto attempt = std::exchange(attempt_, nullptr);
    attempt->owner = nullptr;
    error_code ignored;
    attempt->socket.set_option(asio::socket_base::linger(true, 0), ignored);
    attempt->socket.close(ignored);
}

void Probe::finish(const Outcome& outcome) {
    cancel();
    // A copy, because the callback may destroy this probe.
    const Done done = done_;
    done(outcome);
}

}  // namespace ringway::health
