// The admin socket: one command per line in, one JSON object per line out. A
// client that sends garbage, floods or never reads costs a bounded buffer, is closed in the
// end, and gives way to others when places run out. Control thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "proxy/admin/client_slots.h"
#include "proxy/net/unix_socket.h"

namespace ringway::proxy {

class AdminServer {
public:
    // `answer` turns a line, without its newline, into the answer's line, in its own time:
    // others are served meanwhile.
    using Answer = std::function<boost::asio::awaitable<std::string>(std::string line)>;

    // How long a client may take before it is closed.
    struct Patience {
        std::chrono::milliseconds line = std::chrono::minutes(1);     // to send a whole line
        std::chrono::milliseconds answer = std::chrono::seconds(10);  // to take an answer
        // To take it while others want the place.
        std::chrono::milliseconds unhurried = std::chrono::seconds(1);
    };

    AdminServer(boost::asio::io_context& io, Answer answer, Patience patience);
    ~AdminServer();

    // Listens on `path` with mode 0600. A socket file that nobody listens on is
    // replaced, any other file is left alone. The reason where it failed.
    std::optional<std::string> open(const std::string& path);

    // Removes the socket file and stops listening.
    void close();

private:
    using Protocol = boost::asio::local::stream_protocol;

    boost::asio::awaitable<void> accept_clients();
    boost::asio::awaitable<void> serve(Protocol::socket accepted);

    boost::asio::io_context& io_;
    const Answer answer_;
    const Patience patience_;
    Protocol::acceptor acceptor_;
    SocketFile file_;
    // Outlives this: the loop may still hold clients when it is destroyed.
    std::shared_ptr<Places> places_ = std::make_shared<Places>();
};

}  // namespace ringway::proxy
