// One check of one server: the I/O that answers "does it take connections?".
// Another kind of probe (send and expect, HTTP) is a class with the same
// calls; neither State nor the schedule would know. Lives on one io_context:
// every call, and the callback, on its thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include "conf/config.h"

namespace ringway::health {

enum class Verdict : std::uint8_t {
    passed,
    failed,
    not_run,  // for want of descriptors, ports or memory here; says nothing of the server
};

struct Outcome {
    Verdict verdict;
    std::string result;  // one word where there is one: "ok", "refused", "timeout", ...
    std::string detail;  // for people: "connect: Connection refused"
};

// What the end of a connect attempt says of the server.
Outcome connect_outcome(const boost::system::error_code& error);

// Opens a connection, over TCP or a unix socket, and resets it: passed once the server's kernel has
// answered. The last packet of the handshake is held back and the reset takes
// its place (SYN, SYN-ACK, RST, as HAProxy's plain TCP check does), so that the
// server's accept() normally never sees the check, its log has no line of it,
// and neither side keeps a TIME_WAIT entry or a port.
class ConnectProbe {
public:
    using Done = std::function<void(const Outcome&)>;

    ConnectProbe(boost::asio::io_context& io, Done done);
    ~ConnectProbe();
    ConnectProbe(const ConnectProbe&) = delete;
    ConnectProbe& operator=(const ConnectProbe&) = delete;

    // Calls `done` once, later and never from within, unless cancelled. One at a
    // time.
    void start(const conf::Endpoint& address);

    // Whether the server's answer, or a local failure, is there and `done` will
    // be called as soon as the io_context comes to it.
    bool is_answered() const;

    // The attempt under way, if any, ends without a word.
    void cancel();

private:
    struct Attempt;
    void finish(const boost::system::error_code& error);

    boost::asio::io_context& io_;
    const Done done_;
    std::shared_ptr<Attempt> attempt_;
};

}  // namespace ringway::health
