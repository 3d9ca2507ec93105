// The signals that control the proxy: SIGHUP, SIGINT, SIGTERM, SIGUSR1.
//
// They are blocked in every thread from the first line of main() to the end of the
// process, and read from a descriptor (signalfd(2)). A signal that arrives while the
// proxy starts is pending until its loop runs; one that arrives while it ends changes
// nothing any more.
#pragma once

#include <signal.h>

#include <functional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace ringway::proxy {

// Blocks them in this thread and in those that it starts. The mask before, for
// restore_signals().
sigset_t block_signals();
// For what does not serve: a pending signal has its default action now.
void restore_signals(const sigset_t& mask);

// Has writes return errors where they would end the process with SIGPIPE or SIGXFSZ.
void ignore_signals_of_writes();

// Whether SIGINT or SIGTERM is pending.
bool stop_is_pending();

// Reads them in a loop. The signals are blocked before it is constructed. Control
// thread only.
class Signals {
public:
    explicit Signals(boost::asio::io_context& io);

    // Calls `on_signal` for each signal, pending ones first, until close().
    void listen(std::function<void(int number)> on_signal);
    void close();

private:
    void wait();

    boost::asio::posix::stream_descriptor descriptor_;
    std::function<void(int)> on_signal_;
};

}  // namespace ringway::proxy
