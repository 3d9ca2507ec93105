// One data thread: its loop, its listening sockets, its connections. Control
// posts commands to it; a connection never leaves the worker that accepted it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/intrusive/list.hpp>

#include "proxy/base/fd.h"
#include "proxy/base/histogram.h"
#include "proxy/data/acceptor.h"
#include "proxy/data/connection.h"
#include "proxy/data/eviction.h"
#include "proxy/data/intake.h"
#include "proxy/net/batch.h"
#include "proxy/net/loop.h"
#include "proxy/net/pipes.h"
#include "proxy/net/stream.h"

namespace ringway::proxy {

class Worker {
public:
    static constexpr std::size_t buffer_bytes = relay_buffer_bytes;

    // `total` limits the connections of all workers and outlives this; `batch`: see Poller.
    Worker(std::size_t index, Quota& total, std::uint64_t most_pipes,
           std::unique_ptr<Batch> batch = nullptr);
    // Stops and joins the thread if that was not done.
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    void run();  // starts the thread

    // Any thread; carried out in order on the worker's.

    // Accepts from `socket`, which listens on `address`, by `intake`.
    void listen(std::string address, Fd socket, std::shared_ptr<const Intake> intake);
    // New connections to `address` come in by `intake` from now on.
    void take_up(std::string address, std::shared_ptr<const Intake> intake);
    // Takes what is in the queue of `address`, closes it, then drops `open`.
    void unlisten(std::string address, std::shared_ptr<void> open);
    // Ends the connections of a server, or all, as `eviction` says.
    void evict(Eviction eviction);
    // The server's connections that are left continue.
    void cancel_eviction(Eviction eviction);
    // Calls `answer` there, when its turn comes.
    void ask(std::function<void()> answer);
    // Closes every listening socket; calls `empty` on this thread when the last
    // connection has ended.
    void drain(std::function<void()> empty);
    // Cuts the connections that are left and ends the thread.
    void stop();

    void join();

    // How busy its loop is. Any thread.
    const Histogram<delay_bounds_us>& loop_delays() const { return loop_.delays(); }
    // Any thread. The errno with which its io_uring has failed; 0 if it works, or is not used.
    int io_uring_failure() const {
        const Batch* const batch = loop_.poller().batch();
        return batch != nullptr ? batch->failure() : 0;
    }

private:
    using Connections = boost::intrusive::list<Connection>;

    void accepted(Stream stream, const conf::Endpoint& client,
                  const std::shared_ptr<const Intake>& intake, Admission admission);
    void on_closed(Connection& connection);
    void after_round();
    void destroy_closed();
    void tell_failure();

    Loop loop_;
    Quota& total_;

    // Worker thread only.
    std::array<char, buffer_bytes> buffer_;
    TlsBuffers tls_buffers_;
    Pipes pipes_;
    ConnectionTools tools_;
    std::map<std::string, std::unique_ptr<Acceptor>> acceptors_;
    Connections connections_;
    Connections ended_;          // until the round in hand is over
    bool told_failure_ = false;  // of io_uring
    std::vector<std::unique_ptr<Evictor>> evictors_;
    std::function<void()> on_empty_;

    // Control only.
    std::thread thread_;
};

}  // namespace ringway::proxy
