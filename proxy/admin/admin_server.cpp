#include "proxy/admin/admin_server.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace ringway::proxy {

namespace {

namespace asio = boost::asio;

constexpr std::size_t max_clients = 32;
constexpr std::size_t max_line_bytes = 64 << 10;
constexpr std::chrono::milliseconds accept_pause{100};  // without descriptors

constexpr std::string_view too_long = R"({"ok":false,"error":"the line is longer than 64 KiB"})"
                                      "\n";
constexpr std::string_view too_many = R"({"ok":false,"error":"too many admin clients"})"
                                      "\n";

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

using Protocol = asio::local::stream_protocol;
using Socket = Protocol::socket;

// Closes a socket on a timeout, which ends all waits for it. A handler that is already queued holds
// the socket, not the client's coroutine.
class Deadline {
public:
    explicit Deadline(std::shared_ptr<Socket> socket)
        : socket_(std::move(socket)), timer_(socket_->get_executor()) {}

    void set(std::chrono::steady_clock::duration limit) {
        timer_.expires_after(limit);
        timer_.async_wait([socket = socket_](const boost::system::error_code& error) {
            boost::system::error_code ignored;
            if (!error) socket->close(ignored);
        });
    }

    void cancel() { timer_.cancel(); }

private:
    std::shared_ptr<Socket> socket_;
    asio::steady_timer timer_;
};

}  // namespace

AdminServer::AdminServer(asio::io_context& io, Answer answer, Timeouts timeouts)
    : io_(io), answer_(std::move(answer)), timeouts_(timeouts), acceptor_(io) {}

AdminServer::~AdminServer() {
    close();
}

Result<void> AdminServer::open(const std::string& path) {
    const auto refusal = [&](std::string_view reason) {
        return Reason(fmt::format("admin socket {}: {}", path, reason));
    };
    if (const auto cleared = clear_socket_file(path); !cleared) {
        return refusal(cleared.error().text);
    }
    boost::system::error_code error;
    acceptor_.open(Protocol(), error);
    if (error) return refusal(error.message());
    // umask: the file has this mode from the moment it exists.
    const mode_t mask = ::umask(0177);
    acceptor_.bind(path, error);
    ::umask(mask);
    if (!error) file_ = SocketFile(path);
    if (!error) acceptor_.listen(static_cast<int>(max_clients), error);
    if (error) {
        boost::system::error_code ignored;
        file_.remove();
        acceptor_.close(ignored);
        return refusal(error.message());
    }
    asio::co_spawn(io_, accept_clients(), asio::detached);
    return {};
}

void AdminServer::close() {
    if (!acceptor_.is_open()) return;
    file_.remove();
    boost::system::error_code ignored;
    acceptor_.close(ignored);
}

asio::awaitable<void> AdminServer::accept_clients() {
    asio::steady_timer pause(io_);
    while (acceptor_.is_open()) {
        auto [error, client] = co_await acceptor_.async_accept(use_tuple);
        if (!error) {
            const bool full = client_slots_->taken() >= max_clients;
            if (!full || client_slots_->free_one(timeouts_.grace)) {
                asio::co_spawn(io_, serve(std::move(client)), asio::detached);
                continue;
            }
            // So few bytes always fit a new socket's buffer.
            boost::system::error_code ignored;
            client.non_blocking(true, ignored);
            client.write_some(asio::buffer(too_many), ignored);
        } else if (error != asio::error::operation_aborted) {
            pause.expires_after(accept_pause);
            co_await pause.async_wait(use_tuple);
        }
    }
}

asio::awaitable<void> AdminServer::serve(Protocol::socket accepted) {
    const auto client = std::make_shared<Socket>(std::move(accepted));
    ClientSlots::ClientSlot place(client_slots_, [client] {
        boost::system::error_code ignored;
        client->close(ignored);
    });
    Deadline deadline(client);
    std::string received;
    for (bool ended = false; !ended;) {
        deadline.set(timeouts_.line);
        auto [error, length] = co_await asio::async_read_until(
            *client, asio::dynamic_buffer(received, max_line_bytes), '\n', use_tuple);
        deadline.set(timeouts_.answer);
        if (error == asio::error::not_found) {
            co_await asio::async_write(*client, asio::buffer(too_long), use_tuple);
        }
        // The last line may lack its newline, as that of `printf status | socat`.
        ended = error == asio::error::eof && !received.empty();
        if (error && !ended) co_return;
        const std::size_t line_bytes = ended ? received.size() : length - 1;
        std::string line = received.substr(0, line_bytes);
        received.erase(0, ended ? line_bytes : length);
        place.enter(ClientPhase::answering);
        deadline.cancel();  // no deadline while the answer is made
        const std::string answer = co_await answer_(std::move(line)) + "\n";
        deadline.set(timeouts_.answer);
        auto [write_error, written] =
            co_await asio::async_write(*client, asio::buffer(answer), use_tuple);
        if (write_error) co_return;
        place.enter(ClientPhase::idle);
    }
}

}  // namespace ringway::proxy
