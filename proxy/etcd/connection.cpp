#include "proxy/etcd/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace ringway::proxy {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Kind = EtcdError::Kind;
using Request = http::request<http::string_body>;
using Parser = http::response_parser<http::string_body>;

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t head_bytes_max = 16 << 10;

asio::ip::tcp::endpoint to_asio(const conf::Endpoint& address, std::uint16_t port) {
    if (address.is_v6) {
        asio::ip::address_v6::bytes_type bytes{};
        std::ranges::copy(address.address, bytes.begin());
        return {asio::ip::address_v6(bytes), port};
    }
    asio::ip::address_v4::bytes_type bytes{};
    std::copy_n(address.address.begin(), bytes.size(), bytes.begin());
    return {asio::ip::address_v4(bytes), port};
}

Request make_request(const EtcdRequest& request, const std::string& host) {
    Request made(http::verb::post, request.path, 11);
    made.set(http::field::host, host);
    made.set(http::field::user_agent, "ringway");
    made.set(http::field::content_type, "application/json");
    // A member that has no leader refuses the call, and ends a stream once it has lost it.
    made.set("Grpc-Metadata-hasleader", "true");
    if (!request.token.empty()) made.set(http::field::authorization, request.token);
    made.body() = request.body;
    made.prepare_payload();
    return made;
}

// Sends the request, and reads the answer or its head alone.
template <class Stream>
asio::awaitable<error_code> exchange(Stream& stream, beast::flat_buffer& buffer,
                                     const Request& request, Parser& parser, bool head_alone) {
    auto [write_error, sent] = co_await http::async_write(stream, request, use_tuple);
    if (write_error) co_return write_error;
    if (head_alone) {
        auto [error, got] = co_await http::async_read_header(stream, buffer, parser, use_tuple);
        co_return error;
    }
    auto [error, got] = co_await http::async_read(stream, buffer, parser, use_tuple);
    co_return error;
}

std::string words_of(const error_code& error) {
    if (error == beast::error::timeout) return "no answer in time";
    if (error == http::error::end_of_stream || error == http::error::partial_message ||
        error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
        return "closed by the peer";
    }
    if (error == http::error::body_limit) return "an answer larger than 64 MiB";
    return error.message();
}

}  // namespace

void set_liveness(int socket) {
    const auto set = [socket](int level, int option, int value) {
        ::setsockopt(socket, level, option, &value, sizeof value);
    };
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 4);
    set(IPPROTO_TCP, TCP_KEEPINTVL, 2);
    set(IPPROTO_TCP, TCP_KEEPCNT, 3);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, 10'000);
    set(IPPROTO_TCP, TCP_NODELAY, 1);
}

// The answer of a look-up, which may come when nobody waits for it any more.
struct EtcdConnection::Waiting {
    explicit Waiting(asio::io_context& io) : timer(io) {}
    asio::steady_timer timer;
    std::optional<Result<Addresses>> answer;
};

struct EtcdConnection::Streaming {
    Parser parser;
};

EtcdError EtcdConnection::failed(const error_code& error, std::string_view doing) {
    cut_off_ = error != beast::error::timeout;
    const bool is_malformed =
        error.category() == http::make_error_code(http::error::bad_version).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message;
    close();
    return {is_malformed ? Kind::malformed : Kind::no_answer,
            fmt::format("{}: {}", doing, words_of(error))};
}

void EtcdConnection::close() {
    open_ = false;
    closed_ = true;
    tcp_.close();
    if (waiting_) waiting_->timer.cancel();
}

asio::awaitable<EtcdResult<EtcdConnection::Addresses>> EtcdConnection::resolve(
    const EtcdEndpoint& endpoint, const EtcdTools& tools, TimePoint until) {
    if (endpoint.address) co_return Addresses{*endpoint.address};
    if (!tools.resolve) co_return EtcdError{Kind::no_answer, "names are not looked up"};
    waiting_ = std::make_shared<Waiting>(io_);
    waiting_->timer.expires_at(until);
    EtcdTools::Resolved resolved = [waiting = std::weak_ptr<Waiting>(waiting_)](auto answer) {
        const auto locked = waiting.lock();
        if (!locked) return;
        locked->answer = std::move(answer);
        locked->timer.cancel();
    };
    tools.resolve(endpoint.host, std::move(resolved));
    // It may have been answered at once.
    if (!waiting_->answer) co_await waiting_->timer.async_wait(use_tuple);
    const auto waiting = std::exchange(waiting_, nullptr);
    if (!waiting->answer) {
        co_return EtcdError{Kind::no_answer, "its name is not looked up in time"};
    }
    Result<Addresses>& answer = *waiting->answer;
    if (!answer) {
        co_return EtcdError{Kind::no_answer, "its name has no address: " + answer.error().text};
    }
    if (answer->empty()) co_return EtcdError{Kind::no_answer, "its name has no address"};
    co_return std::move(*answer);
}

// Each address has an equal part of the time that is left.
asio::awaitable<EtcdResult<void>> EtcdConnection::connect_to_one(Addresses addresses,
                                                                 std::uint16_t port,
                                                                 TimePoint until) {
    error_code last = asio::error::host_unreachable;
    for (std::size_t i = 0; i < addresses.size() && !closed_; ++i) {
        const auto now = Clock::now();
        const auto left = static_cast<Clock::rep>(addresses.size() - i);
        tcp_.expires_at(now + (until - now) / left);
        const auto to = to_asio(addresses[i], port);
        auto [error] = co_await tcp_.async_connect(to, use_tuple);
        if (!error) {
            set_liveness(tcp_.socket().native_handle());
            co_return EtcdResult<void>();
        }
        last = error;
        tcp_.close();
    }
    co_return failed(last, "cannot connect");
}

asio::awaitable<EtcdResult<void>> EtcdConnection::shake_hands(const EtcdEndpoint& endpoint,
                                                              const TlsClient& tls) {
    const conf::Endpoint no_address;
    // Without a kept session: the stream of Asio has the place for it.
    Ssl ssl = tls.connect(
        {.id = endpoint.host, .address = endpoint.address ? *endpoint.address : no_address});
    if (!ssl) co_return EtcdError{Kind::refused, "its name can be none of a certificate"};
    tls_.emplace(tcp_, ssl.release());
    auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::client, use_tuple);
    if (!error) co_return EtcdResult<void>();
    const long verified = SSL_get_verify_result(tls_->native_handle());
    if (verified == X509_V_OK) co_return failed(error, "TLS");
    close();
    co_return EtcdError{Kind::no_answer, fmt::format("TLS: its certificate does not verify: {}",
                                                     X509_verify_cert_error_string(verified))};
}

asio::awaitable<EtcdResult<void>> EtcdConnection::connect(const EtcdEndpoint& endpoint,
                                                          const EtcdTools& tools, TimePoint until) {
    host_field_ = endpoint.text;
    auto addresses = co_await resolve(endpoint, tools, until);
    if (closed_) co_return EtcdError{Kind::closed, "closed"};
    if (!addresses) co_return addresses.error();
    auto connected = co_await connect_to_one(std::move(*addresses), endpoint.port, until);
    if (closed_ || !connected) co_return connected;
    tcp_.expires_at(until);
    if (tools.tls) {
        connected = co_await shake_hands(endpoint, *tools.tls);
        if (closed_ || !connected) co_return connected;
    }
    open_ = true;
    co_return connected;
}

asio::awaitable<EtcdResult<EtcdAnswer>> EtcdConnection::ask(const EtcdRequest& request,
                                                            TimePoint until) {
    if (!open_) co_return EtcdError{Kind::no_answer, "not connected"};
    const Request made = make_request(request, host_field_);
    Parser parser;
    parser.header_limit(head_bytes_max);
    parser.body_limit(etcd_message_bytes_max);
    tcp_.expires_at(until);
    error_code error;
    if (tls_) {
        error = co_await exchange(*tls_, buffer_, made, parser, false);
    } else {
        error = co_await exchange(tcp_, buffer_, made, parser, false);
    }
    if (error) co_return failed(error, "a call failed");
    tcp_.expires_never();
    EtcdAnswer answer{parser.get().result_int(), std::move(parser.get().body())};
    if (!parser.get().keep_alive()) close();
    co_return answer;
}

asio::awaitable<EtcdResult<EtcdAnswer>> EtcdConnection::ask_stream(const EtcdRequest& request,
                                                                   TimePoint until) {
    if (!open_) co_return EtcdError{Kind::no_answer, "not connected"};
    const Request made = make_request(request, host_field_);
    streaming_ = std::make_shared<Streaming>();
    Parser& parser = streaming_->parser;
    parser.header_limit(head_bytes_max);
    parser.body_limit(boost::none);
    tcp_.expires_at(until);
    error_code error;
    if (tls_) {
        error = co_await exchange(*tls_, buffer_, made, parser, true);
    } else {
        error = co_await exchange(tcp_, buffer_, made, parser, true);
    }
    if (error) co_return failed(error, "a call failed");
    EtcdAnswer answer{parser.get().result_int(), {}};
    while (answer.status != 200) {
        auto more = co_await read_stream(until);
        if (!more) co_return more.error();
        answer.body += *more;
        if (more->empty() || answer.body.size() > head_bytes_max) break;
    }
    co_return answer;
}

asio::awaitable<EtcdResult<std::string>> EtcdConnection::read_stream(TimePoint until) {
    if (!open_ || !streaming_) co_return EtcdError{Kind::no_answer, "not connected"};
    Parser& parser = streaming_->parser;
    tcp_.expires_at(until);
    std::string bytes;
    while (bytes.empty() && !parser.is_done()) {
        error_code error;
        if (tls_) {
            auto [failure, got] = co_await http::async_read_some(*tls_, buffer_, parser, use_tuple);
            error = failure;
        } else {
            auto [failure, got] = co_await http::async_read_some(tcp_, buffer_, parser, use_tuple);
            error = failure;
        }
        if (error) co_return failed(error, "the stream broke");
        bytes = std::exchange(parser.get().body(), {});
    }
    co_return bytes;
}

}  // namespace ringway::proxy
