// The admin socket: one command per line in, one JSON object per line out. A client that sends
// garbage, floods or never reads costs a bounded buffer, is closed after a timeout, and is closed
// earlier if its slot is needed. Control thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "conf/result.h"
#include "proxy/admin/client_slots.h"
#include "proxy/net/unix_socket.h"

namespace ringway::proxy {

class AdminServer {
public:
    // `answer` turns a line, without its newline, into the answer's line, asynchronously: others
    // are served meanwhile.
    using Answer = std::function<boost::asio::awaitable<std::string>(std::string line)>;

    // How long a client may take before it is closed.
    struct Timeouts {
        std::chrono::milliseconds line = std::chrono::minutes(1);     // to send a whole line
        std::chrono::milliseconds answer = std::chrono::seconds(10);  // to take an answer
        // To read the answer while other clients wait for a slot.
        std::chrono::milliseconds grace = std::chrono::seconds(1);
    };

    AdminServer(boost::asio::io_context& io, Answer answer, Timeouts timeouts);
    ~AdminServer();

    // Listens on `path` with mode 0600. A stale socket file is replaced, any other file is left
    // alone.
    Result<void> open(const std::string& path);

    // Removes the socket file and stops listening.
    void close();

private:
    using Protocol = boost::asio::local::stream_protocol;

    boost::asio::awaitable<void> accept_clients();
    boost::asio::awaitable<void> serve(Protocol::socket accepted);

    boost::asio::io_context& io_;
    const Answer answer_;
    const Timeouts timeouts_;
    Protocol::acceptor acceptor_;
    SocketFile file_;
    // Shared with the clients: the loop may still hold some after this is destroyed.
    std::shared_ptr<ClientSlots> client_slots_ = std::make_shared<ClientSlots>();
};

}  // namespace ringway::proxy
