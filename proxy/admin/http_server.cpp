#include "proxy/admin/http_server.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <ctime>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include "proxy/admin/client_slots.h"
#include "proxy/net/address.h"

namespace ringway::proxy {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Protocol = asio::ip::tcp;

constexpr std::chrono::milliseconds accept_pause{100};  // without descriptors

// The page connects to its own origin only and runs only its own files.
constexpr std::string_view content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

constexpr std::string_view too_many =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
    "Content-Length: 45\r\nConnection: close\r\n\r\n"
    R"({"ok":false,"error":"too many HTTP clients"})"
    "\n";

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

HttpAnswer refusal(unsigned status, std::string_view reason) {
    return {.status = status, .body = fmt::format(R"({{"ok":false,"error":"{}"}})", reason)};
}

// Whether a request is malformed; otherwise the connection failed or ended.
bool is_fault_of_request(const error_code& error) {
    return error.category() == http::make_error_code(http::error::bad_method).category() &&
           error != http::error::end_of_stream && error != http::error::partial_message;
}

// RFC 9110, 5.6.7.
std::string http_date() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::array<char, 40> text{};
    std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    return text.data();
}

// The head of an answer of `length` bytes to a request of HTTP 1.`minor`.
template <class Body>
http::response<Body> head_of(const HttpAnswer& answer, std::size_t length, bool is_1_1,
                             bool keep_alive) {
    http::response<Body> response(static_cast<http::status>(answer.status), is_1_1 ? 11 : 10);
    response.set(http::field::date, http_date());
    response.set(http::field::content_type, answer.type);
    response.set(http::field::cache_control, "no-store");
    response.set("Content-Security-Policy", content_security_policy);
    response.set("X-Content-Type-Options", "nosniff");
    response.set("Referrer-Policy", "no-referrer");
    response.set("Cross-Origin-Resource-Policy", "same-origin");
    if (answer.status == 405) response.set(http::field::allow, "GET, HEAD");
    response.content_length(length);
    response.keep_alive(keep_alive);
    return response;
}

}  // namespace

// Shared by the clients: their slots, and the bytes of bodies not yet sent.
struct HttpServer::Shared {
    ClientSlots slots;
    std::size_t answers_bytes = 0;
};

// One connection, counted for as long as it lives.
class HttpServer::Client {
public:
    Client(Protocol::socket socket, std::shared_ptr<Shared> shared, std::size_t head_bytes)
        : stream(std::move(socket)),
          buffer(2 * head_bytes),
          shared_(std::move(shared)),
          client_slot_({shared_, &shared_->slots}, [this] { stream.close(); }) {}
    ~Client() { hold(0); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void enter(ClientPhase phase) { client_slot_.enter(phase); }

    // Counts an answer of `bytes` as not yet sent.
    void hold(std::size_t bytes) {
        shared_->answers_bytes += bytes - held_bytes_;
        held_bytes_ = bytes;
    }

    beast::tcp_stream stream;
    beast::flat_buffer buffer;  // read and not parsed yet

private:
    const std::shared_ptr<Shared> shared_;
    ClientSlots::ClientSlot client_slot_;
    std::size_t held_bytes_ = 0;
};

HttpServer::HttpServer(asio::io_context& io, Answer answer, HttpLimits limits)
    : io_(io),
      answer_(std::move(answer)),
      limits_(limits),
      acceptor_(io),
      shared_(std::make_shared<Shared>()) {}

HttpServer::~HttpServer() {
    close();
}

Result<void> HttpServer::open(const conf::Endpoint& where) {
    const SocketAddress address(where);
    Protocol::endpoint endpoint;
    std::memcpy(endpoint.data(), &address.any, address.size);
    endpoint.resize(address.size);
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error && where.is_v6) acceptor_.set_option(asio::ip::v6_only(false), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(static_cast<int>(limits_.clients), error);
    if (error) {
        close();
        return Reason(
            fmt::format("http: cannot listen on {}: {}", where.to_string(), error.message()));
    }
    if (!endpoint.address().is_loopback()) {
        spdlog::warn("http: every host that reaches {} can read the status and the metrics",
                     where.to_string());
    }
    asio::co_spawn(io_, accept_clients(), asio::detached);
    return {};
}

void HttpServer::close() {
    error_code ignored;
    acceptor_.close(ignored);
}

asio::awaitable<void> HttpServer::accept_clients() {
    asio::steady_timer pause(io_);
    while (acceptor_.is_open()) {
        auto [error, socket] = co_await acceptor_.async_accept(use_tuple);
        if (!error) {
            const bool full = shared_->slots.taken() >= limits_.clients;
            if (!full || shared_->slots.free_one(limits_.grace)) {
                asio::co_spawn(io_, serve(std::move(socket)), asio::detached);
                continue;
            }
            // So few bytes always fit a new socket's buffer.
            error_code ignored;
            socket.non_blocking(true, ignored);
            socket.write_some(asio::buffer(too_many), ignored);
        } else if (error != asio::error::operation_aborted) {
            pause.expires_after(accept_pause);
            co_await pause.async_wait(use_tuple);
        }
    }
}

asio::awaitable<void> HttpServer::serve(Protocol::socket accepted) {
    error_code ignored;
    accepted.set_option(Protocol::no_delay(true), ignored);
    Client client(std::move(accepted), shared_, limits_.head_bytes);
    while (co_await serve_one(client)) client.enter(ClientPhase::idle);
    // Lingering close: closing with unread bytes would send a reset, which may destroy the answer.
    client.enter(ClientPhase::lingering);
    client.stream.socket().shutdown(Protocol::socket::shutdown_send, ignored);
    client.stream.expires_after(limits_.linger);
    for (std::size_t left = limits_.linger_bytes; left > 0;) {
        client.buffer.clear();
        auto [error, got] =
            co_await client.stream.async_read_some(client.buffer.prepare(4096), use_tuple);
        if (error) co_return;
        left -= std::min(left, got);
    }
}

// Whether a byte of a request has arrived in time.
asio::awaitable<bool> HttpServer::wait_for_request(Client& client) const {
    if (client.buffer.size() > 0) co_return true;
    client.stream.expires_after(limits_.idle);
    auto [error, got] =
        co_await client.stream.async_read_some(client.buffer.prepare(1024), use_tuple);
    client.buffer.commit(got);
    co_return !error;
}

// One request and its answer; whether another may follow.
asio::awaitable<bool> HttpServer::serve_one(Client& client) {
    if (!co_await wait_for_request(client)) co_return false;
    client.enter(ClientPhase::asking);
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits_.head_bytes));
    parser.body_limit(boost::none);  // a request with a body is refused below
    client.stream.expires_after(limits_.request);
    auto [error, got] =
        co_await http::async_read_header(client.stream, client.buffer, parser, use_tuple);
    if (error && !is_fault_of_request(error)) co_return false;
    client.enter(ClientPhase::answering);
    const auto& request = parser.get();
    const bool is_head = request.method() == http::verb::head;
    bool goes_on = false;
    HttpAnswer answer;
    // By where segments end, the parser lets a head pass that is longer than its limit.
    if (error == http::error::header_limit || error == http::error::buffer_overflow ||
        got > limits_.head_bytes) {
        answer = refusal(431, "the head of the request is too long");
    } else if (error) {
        answer = refusal(400, "not an HTTP request");
    } else if (request.version() == 11 && request.count(http::field::host) != 1) {
        answer = refusal(400, "an HTTP/1.1 request must have one Host header");
    } else if (!is_head && request.method() != http::verb::get) {
        answer = refusal(405, "only GET and HEAD are supported");
    } else if (!parser.is_done()) {
        answer = refusal(400, "request bodies are not supported");
    } else {
        goes_on = request.keep_alive();
        answer = answer_(std::string_view(request.target().data(), request.target().size()));
        co_await complete(client, answer);
    }

    const std::size_t length = answer.body.size();
    const bool is_1_1 = error || request.version() == 11;
    client.hold(length);
    client.stream.expires_after(limits_.answer);
    if (is_head) {
        auto response = head_of<http::empty_body>(answer, length, is_1_1, goes_on);
        auto [lost, sent] = co_await http::async_write(client.stream, response, use_tuple);
        goes_on = goes_on && !lost;
    } else {
        auto response = head_of<http::string_body>(answer, length, is_1_1, goes_on);
        response.body() = std::move(answer.body);
        auto [lost, sent] = co_await http::async_write(client.stream, response, use_tuple);
        goes_on = goes_on && !lost;
    }
    client.hold(0);
    co_return goes_on;
}

// Generates the rest of the body, with turns of the loop between the pieces, while all bodies
// together are not too large.
asio::awaitable<void> HttpServer::complete(Client& client, HttpAnswer& answer) {
    for (bool more = answer.more != nullptr; more;) {
        more = answer.more(answer.body);
        client.hold(answer.body.size());
        if (shared_->answers_bytes > limits_.answers_bytes) break;
        if (more) co_await asio::post(io_, asio::use_awaitable);
    }
    answer.more = nullptr;
    client.hold(answer.body.size());
    if (shared_->answers_bytes <= limits_.answers_bytes) co_return;
    shared_->slots.free_one(limits_.grace);
    client.hold(0);
    answer = refusal(503, "too many answers have not been read yet");
}

}  // namespace ringway::proxy
