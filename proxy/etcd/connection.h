// One connection to a member of etcd, in clear or in TLS: calls one after another, or a stream of
// messages. A peer that vanishes without a word is noticed by the kernel (set_liveness). One loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include "conf/endpoint.h"
#include "proxy/base/clock.h"
#include "proxy/etcd/json_gateway.h"
#include "proxy/tls/client.h"

namespace ringway::proxy {

struct EtcdTools {
    using Resolved = std::function<void(Result<std::vector<conf::Endpoint>>)>;

    // Looks up the addresses of a host name, on the loop and without blocking; ports do not count.
    // May be empty where all endpoints are addresses.
    std::function<void(const std::string& host, Resolved)> resolve = nullptr;
    std::shared_ptr<const TlsClient> tls = nullptr;  // nullptr: in clear
};

// "HOST:PORT".
struct EtcdEndpoint {
    std::string text;
    std::string host;
    std::uint16_t port = 0;
    std::optional<conf::Endpoint> address{};  // where the host is one
};

struct EtcdRequest {
    std::string path;
    std::string body;
    std::string token{};  // empty: none
};

struct EtcdAnswer {
    unsigned status = 0;
    std::string body;
};

// A peer that does not acknowledge for 10 s has vanished (tcp(7)): probes go out after 4 s at
// rest, every 2 s.
void set_liveness(int socket);

class EtcdConnection {
public:
    explicit EtcdConnection(boost::asio::io_context& io) : io_(io), tcp_(io) {}
    EtcdConnection(const EtcdConnection&) = delete;
    EtcdConnection& operator=(const EtcdConnection&) = delete;

    // The coroutines need this object, and what their references are to, until they end. Errors are
    // of the kinds no_answer and malformed.

    // Once.
    boost::asio::awaitable<EtcdResult<void>> connect(const EtcdEndpoint& endpoint,
                                                     const EtcdTools& tools, TimePoint until);
    boost::asio::awaitable<EtcdResult<EtcdAnswer>> ask(const EtcdRequest& request, TimePoint until);
    // Begins an answer that is a stream, if its status is 200; else the whole answer is returned.
    boost::asio::awaitable<EtcdResult<EtcdAnswer>> ask_stream(const EtcdRequest& request,
                                                              TimePoint until);
    // The next bytes of the stream; empty at its end.
    boost::asio::awaitable<EtcdResult<std::string>> read_stream(TimePoint until);

    // Calls in progress fail.
    void close();
    bool is_open() const { return open_; }
    // By close(), or because a call failed in the meantime of its deadline: not the peer's silence.
    bool was_cut_off() const { return cut_off_; }

private:
    using Tls = boost::asio::ssl::stream<boost::beast::tcp_stream&>;
    using Addresses = std::vector<conf::Endpoint>;

    boost::asio::awaitable<EtcdResult<Addresses>> resolve(const EtcdEndpoint& endpoint,
                                                          const EtcdTools& tools, TimePoint until);
    boost::asio::awaitable<EtcdResult<void>> connect_to_one(Addresses addresses, std::uint16_t port,
                                                            TimePoint until);
    boost::asio::awaitable<EtcdResult<void>> shake_hands(const EtcdEndpoint& endpoint,
                                                         const TlsClient& tls);
    EtcdError failed(const boost::system::error_code& error, std::string_view doing);

    struct Waiting;
    struct Streaming;

    boost::asio::io_context& io_;
    boost::beast::tcp_stream tcp_;
    std::optional<Tls> tls_;
    boost::beast::flat_buffer buffer_{1 << 20};
    std::string host_field_;
    std::shared_ptr<Waiting> waiting_;      // for the look-up of a name
    std::shared_ptr<Streaming> streaming_;  // the answer that is a stream
    bool open_ = false;
    bool closed_ = false;
    bool cut_off_ = false;
};

}  // namespace ringway::proxy
