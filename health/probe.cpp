#include "health/probe.h"

#include <array>
#include <cassert>
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

bool is_local(const error_code& error) {
    using namespace boost::system::errc;
    // EAGAIN from connect(2): no free local port or no routing cache entry.
    return error == too_many_files_open || error == too_many_files_open_in_system ||
           error == no_buffer_space || error == not_enough_memory ||
           error == address_not_available || error == resource_unavailable_try_again;
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

}  // namespace

Outcome connect_outcome(const error_code& error) {
    if (!error) return {Verdict::passed, "ok", "connect: ok"};
    const Verdict verdict = is_local(error) ? Verdict::not_run : Verdict::failed;
    return {verdict, result_of(error), "connect: " + error.message()};
}

// Outlives a cancelled probe until Asio has handed back its handler.
struct ConnectProbe::Attempt {
    Attempt(asio::io_context& io, ConnectProbe* probe) : socket(io), owner(probe) {}

    void end(const error_code& error) const {
        if (owner) owner->finish(error);
    }

    Stream::socket socket;
    ConnectProbe* owner;  // null once cancelled
};

ConnectProbe::ConnectProbe(asio::io_context& io, Done done) : io_(io), done_(std::move(done)) {}

ConnectProbe::~ConnectProbe() {
    cancel();
}

void ConnectProbe::start(const conf::Endpoint& address) {
    assert(!attempt_);
    attempt_ = std::make_shared<Attempt>(io_, this);
    const Stream::endpoint remote = to_asio(address);
    error_code error;
    attempt_->socket.open(remote.protocol(), error);
    if (error) {
        asio::post(io_, [attempt = attempt_, error] { attempt->end(error); });
        return;
    }
    // Both only make the check gentler, so where they fail it goes on.
    const int hold_back_ack = 0;
    ::setsockopt(attempt_->socket.native_handle(), IPPROTO_TCP, TCP_QUICKACK, &hold_back_ack,
                 sizeof hold_back_ack);
    error_code ignored;
    attempt_->socket.set_option(asio::socket_base::linger(true, 0), ignored);
    attempt_->socket.async_connect(
        remote, [attempt = attempt_](const error_code& ended) { attempt->end(ended); });
}

bool ConnectProbe::is_answered() const {
    if (!attempt_) return false;
    if (!attempt_->socket.is_open()) return true;
    pollfd watched{attempt_->socket.native_handle(), POLLOUT, 0};
    return ::poll(&watched, 1, 0) == 1;
}

void ConnectProbe::cancel() {
    if (!attempt_) return;
    const auto attempt = std::exchange(attempt_, nullptr);
    attempt->owner = nullptr;
    error_code ignored;
    attempt->socket.close(ignored);
}

void ConnectProbe::finish(const error_code& error) {
    cancel();
    // A copy, because the callback may destroy this probe.
    const Done done = done_;
    done(connect_outcome(error));
}

}  // namespace ringway::health
