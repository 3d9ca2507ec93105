#include "tools/ringdemo/serve.h"

#include <csignal>
#include <cstddef>
#include <iostream>
#include <sstream>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace ringway::ringdemo {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::size_t max_line_bytes = 64 << 10;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

asio::awaitable<void> converse(tcp::socket client, std::string id) {
    const std::string answer = id + '\n';
    std::string received;
    for (;;) {
        const auto [read_error, line_bytes] = co_await asio::async_read_until(
            client, asio::dynamic_buffer(received, max_line_bytes), '\n', as_result);
        if (read_error) co_return;
        received.erase(0, line_bytes);
        const auto [write_error, written] =
            co_await asio::async_write(client, asio::buffer(answer), as_result);
        if (write_error) co_return;
    }
}

asio::awaitable<void> accept_clients(tcp::acceptor& acceptor, std::string id) {
    asio::steady_timer pause(acceptor.get_executor());
    for (;;) {
        auto [error, client] = co_await acceptor.async_accept(as_result);
        if (!error) {
            asio::co_spawn(acceptor.get_executor(), converse(std::move(client), id),
                           asio::detached);
            continue;
        }
        // Without descriptors, for example, accept would fail again at once.
        pause.expires_after(std::chrono::milliseconds(10));
        co_await pause.async_wait(as_result);
    }
}

}  // namespace

void serve(const std::string& id, const tcp::endpoint& where) {
    asio::io_context io{1};
    asio::signal_set signals(io, SIGTERM, SIGINT);
    signals.async_wait([&io](const boost::system::error_code&, int) { io.stop(); });
    tcp::acceptor acceptor(io, where);
    asio::co_spawn(io, accept_clients(acceptor, id), asio::detached);
    std::ostringstream told;
    told << id << " listens on " << acceptor.local_endpoint() << '\n';
    std::cout << told.str() << std::flush;
    io.run();
}

}  // namespace ringway::ringdemo
