// The HTTP endpoint: GET and HEAD, one answer per request, connections kept alive. A client that
// floods, sends garbage or never reads costs a bounded amount of memory and time, and is closed if
// its slot is needed. Control thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "conf/config.h"
#include "conf/result.h"

namespace ringway::proxy {

struct HttpAnswer {
    unsigned status = 200;
    std::string_view type = "application/json";  // of a body; static
    std::string body;
    // Generates a long body: appends its next piece, and returns whether there are more. The loop
    // turns between two pieces.
    std::function<bool(std::string& body)> more = nullptr;
};

struct HttpLimits {
    std::size_t clients = 64;                  // at once
    std::size_t head_bytes = 8 << 10;          // of one request
    std::size_t answers_bytes = 64 << 20;      // not yet sent, of all clients
    std::chrono::milliseconds request{5'000};  // from its first byte to its last
    std::chrono::milliseconds idle{75'000};    // idle: longer than a scrape interval of a minute
    std::chrono::milliseconds answer{30'000};  // to take an answer
    std::chrono::milliseconds grace{1'000};    // to read the answer while others wait for a slot
    std::chrono::milliseconds linger{1'000};   // to read the last answer and close
    std::size_t linger_bytes = 2 << 20;        // read and discarded meanwhile
};

class HttpServer {
public:
    using Answer = std::function<HttpAnswer(std::string_view target)>;

    HttpServer(boost::asio::io_context& io, Answer answer, HttpLimits limits);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    // Fails if it cannot listen there.
    Result<void> open(const conf::Endpoint& where);

    // Stops listening; connected clients are served on.
    void close();

private:
    class Client;
    struct Shared;

    boost::asio::awaitable<void> accept_clients();
    boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket accepted);
    boost::asio::awaitable<bool> serve_one(Client& client);
    boost::asio::awaitable<bool> wait_for_request(Client& client) const;
    boost::asio::awaitable<void> complete(Client& client, HttpAnswer& answer);

    boost::asio::io_context& io_;
    const Answer answer_;
    const HttpLimits limits_;
    boost::asio::ip::tcp::acceptor acceptor_;
    // Shared with the clients: the loop may still hold some after this is destroyed.
    std::shared_ptr<Shared> shared_;
};

}  // namespace ringway::proxy
