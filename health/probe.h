// One check of one server: the I/O that answers "does it serve?". Lives on one
// io_context: every call, and the callback, on its thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "health/lingering_close.h"
#include "health/local_fault.h"
#include "health/target.h"

namespace ringway::health {

enum class ProbeStatus : std::uint8_t {
    passed,
    failed,
    not_run,  // no descriptor, port or memory here; no result about the server
};

struct Outcome {
    ProbeStatus status;
    std::string result;                   // short: "ok", "refused", "timeout", "status 503", ...
    std::string detail;                   // for people: "connect: Connection refused"
    LocalFault fault = LocalFault::none;  // why it was not run
};

// Opens a connection, over TCP or a unix socket, with TLS where the target has it, makes the
// exchange that the settings describe, and ends it. Sessions of TLS are not resumed: each check
// verifies the server's certificate.
//
// Without TLS and an exchange, the last packet of the handshake is held back and a reset takes its
// place (SYN, SYN-ACK, RST, as HAProxy's plain TCP check does), so that the server's accept()
// normally never sees the check, its log has no line of it, and neither side keeps a TIME_WAIT
// entry or a port. An answer is read through one buffer that all probes share, only as far as the
// result needs it. After it the connection ends as a client's would, without a reset
// (health/lingering_close.h).
class Probe {
public:
    using Done = std::function<void(const Outcome&)>;

    // `lingering_closes` outlives this.
    Probe(boost::asio::io_context& io, LingeringCloses& lingering_closes, Done done);
    ~Probe();
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;

    // Calls `done` once, later and never from within, unless cancelled. One at a time.
    void start(const Target& target);

    // Whether an answer of the server, or a local failure, has arrived that the io_context has not
    // handled yet.
    bool is_answered() const;

    // What the attempt under way waits for: "connect", "TLS" or "answer".
    const char* step() const;

    // Ends the attempt under way, if any, without calling `done`, and resets its connection.
    void cancel();

private:
    struct Attempt;
    void finish(const Outcome& outcome);

    boost::asio::io_context& io_;
    LingeringCloses& lingering_closes_;
    const Done done_;
    std::shared_ptr<Attempt> attempt_;
};

}  // namespace ringway::health
