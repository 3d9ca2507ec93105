// A relay between two peers that a test plays itself, on a loop that it turns
// itself. One thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "proxy/base/clock.h"
#include "proxy/data/relay.h"
#include "proxy/net/pipes.h"
#include "proxy/net/poller.h"
#include "proxy/net/stream.h"
#include "tests/proxy/engine.h"
#include "tests/support/sockets.h"

namespace ringway::test {

// What a worker lends its relays.
class RelayBench {
public:
    explicit RelayBench(std::uint64_t most_pipes = 1024) : pipes_(most_pipes) {}

    proxy::RelayTools& tools() { return tools_; }
    proxy::TlsBuffers& tls() { return tls_; }
    std::size_t buffer_bytes() const { return buffer_.size(); }

    // Handles what is ready now; false where nothing was.
    bool poll() { return poller_.run_round(proxy::TimePoint{}) > 0; }
    // Waits up to a millisecond for something to handle.
    void turn() { poller_.run_round(proxy::Clock::now() + std::chrono::milliseconds(1)); }

private:
    proxy::Poller poller_{batch_of_engine()};
    proxy::Pipes pipes_;
    std::array<char, proxy::Worker::buffer_bytes> buffer_{};
    proxy::TlsBuffers tls_;
    proxy::RelayTools tools_{.poller = poller_, .pipes = pipes_, .buffer = buffer_};
};

// Sizes of kernel buffers; 0 leaves the kernel's own.
struct BufferSizes {
    int peers = 0;
    int relay = 0;
};

class RelaySession final : private proxy::Side::Owner {
public:
    using State = proxy::Relay::State;

    explicit RelaySession(RelayBench& bench, BufferSizes sizes = {}, std::string_view head = {})
        : bench_(bench), relay_(*this, bench.tools()) {
        TcpPair front = tcp_pair(sizes.peers, sizes.relay);
        TcpPair back = tcp_pair(sizes.relay, sizes.peers);
        client = std::move(front.near);
        server = std::move(back.far);
        open(relay_.client(), std::move(front.far));
        open(relay_.server(), std::move(back.near));
        relay_.hold_for_server(head);
        pump();
    }
    ~RelaySession() { relay_.close(); }
    RelaySession(const RelaySession&) = delete;
    RelaySession& operator=(const RelaySession&) = delete;

    // The peers' ends.
    Fd client;
    Fd server;

    proxy::Relay& relay() { return relay_; }
    State state() const { return state_; }

    // As a connection does, at any event.
    void pump() {
        if (state_ == State::ended) return;
        state_ = relay_.pump();
        if (state_ == State::ended) relay_.close();
    }

    void turn() {
        bench_.turn();
        if (state_ == State::settling) pump();
    }

    template <class Predicate>
    bool turn_until(Predicate holds) {
        const auto deadline = proxy::Clock::now() + patience;
        while (!holds()) {
            if (proxy::Clock::now() >= deadline) return false;
            turn();
        }
        return true;
    }
    bool turn_until_ended() {
        return turn_until([this] { return state_ == State::ended; });
    }

    // The next `size` bytes that come to a peer, fewer where its stream ends.
    std::string receive(const Fd& peer, std::size_t size) {
        std::string bytes;
        turn_until([&] { return bytes.size() == size || !receive_some(peer, bytes, size); });
        return bytes;
    }

    // What comes to a peer until there is no more, and how it ends.
    Received receive_to_end(const Fd& peer) {
        Received all;
        const bool ended = turn_until([&] {
            while (receive_some(peer, all.bytes, all.bytes.size() + (64 << 10))) {
                if (errno == EAGAIN) return false;
            }
            all.error = errno;
            return true;
        });
        BOOST_REQUIRE_MESSAGE(ended, "the stream does not end");
        return all;
    }

    // Sends all of `bytes`, which the relay and the other peer must make room for.
    void send(const Fd& peer, std::string_view bytes) {
        const bool sent = turn_until([&] {
            bytes.remove_prefix(send_some(peer, bytes));
            return bytes.empty();
        });
        BOOST_REQUIRE_MESSAGE(sent, "the stream does not take the bytes");
    }

    // What the kernel takes now.
    static std::size_t send_some(const Fd& peer, std::string_view bytes) {
        if (bytes.empty()) return 0;
        const ssize_t sent =
            ::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        BOOST_REQUIRE_MESSAGE(sent > 0 || errno == EAGAIN, "send: errno " << errno);
        return sent > 0 ? static_cast<std::size_t>(sent) : 0;
    }

private:
    // Appends what is there, up to a size of `limit`; false at the end of the
    // stream, with its error or 0 in errno.
    static bool receive_some(const Fd& peer, std::string& bytes, std::size_t limit) {
        std::array<char, 64 << 10> buffer;
        const auto room = std::min(limit - bytes.size(), buffer.size());
        errno = 0;
        const ssize_t got = ::recv(peer.get(), buffer.data(), room, MSG_DONTWAIT);
        if (got > 0) bytes.append(buffer.data(), static_cast<std::size_t>(got));
        return got > 0 || errno == EAGAIN;
    }

    void open(proxy::Side& side, Fd socket) {
        set_blocking(socket, false);
        proxy::Stream stream(std::move(socket));
        proxy::keep_urgent_in_place(stream);
        const bool opened = side.open(std::move(stream), bench_.tools().poller);
        BOOST_REQUIRE(opened);
    }
    void on_side_ready() override { pump(); }
    bool will_read(const proxy::Side& side) const override { return relay_.is_copying(side); }

    RelayBench& bench_;
    proxy::Relay relay_;
    State state_ = State::moving;
};

}  // namespace ringway::test
