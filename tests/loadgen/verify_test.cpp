// The verifier must accept correct connections and detect each fault that a proxy could have. The
// faulty proxy here is a small blocking relay.
#include <poll.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/loadgen/support.h"
#include "tools/loadgen/sockets.h"

using namespace ringway::loadgen;

namespace {

enum class Lie {
    none,
    flipped_bit,        // somewhere in what the server sends
    lost_byte,          // one of what the client sends, after the header
    clean_after_reset,  // passes a reset on as an end
    ends_together,      // the first end closes both directions
};

bool send_all(const Fd& to, const char* data, std::size_t size) {
    while (size > 0) {
        pollfd ready{.fd = to.get(), .events = POLLOUT, .revents = 0};
        ::poll(&ready, 1, -1);
        const ssize_t sent = ::send(to.get(), data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return false;
        if (sent <= 0) continue;
        data += sent;
        size -= static_cast<std::size_t>(sent);
    }
    return true;
}

// Relays one connection at a time, each to its end, until `stop`.
class LyingRelay {
public:
    LyingRelay(const std::string& server, Lie lie)
        : server_(parse_address(server)),
          lie_(lie),
          listener_(listen_on(parse_address("127.0.0.1:0"), false)),
          thread_([this] { run(); }) {}

    ~LyingRelay() {
        stopping_ = true;
        thread_.join();
    }

    std::string address() const { return local_address(listener_).to_string(); }

private:
    static constexpr int poll_ms = 20;

    void run() {
        while (!stopping_) {
            pollfd ready{.fd = listener_.get(), .events = POLLIN, .revents = 0};
            if (::poll(&ready, 1, poll_ms) <= 0) continue;
            Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            Fd server = dial(server_, nullptr);
            if (client && server) relay(client, server);
        }
    }

    void relay(Fd& client, Fd& server) {
        may_lose_ = true;
        std::array<bool, 2> open = {true, true};  // client's direction, server's direction
        while ((open[0] || open[1]) && !stopping_) {
            std::array<pollfd, 2> ready = {
                pollfd{.fd = open[0] ? client.get() : -1, .events = POLLIN, .revents = 0},
                pollfd{.fd = open[1] ? server.get() : -1, .events = POLLIN, .revents = 0}};
            ::poll(ready.data(), ready.size(), poll_ms);
            for (std::size_t i = 0; i < 2; ++i) {
                if (ready[i].revents == 0) continue;
                if (!move(i == 0 ? client : server, i == 0 ? server : client, i == 0, open[i])) {
                    return;
                }
            }
            if (lie_ == Lie::ends_together && !(open[0] && open[1])) return;
        }
    }

    // False when the connection is over.
    bool move(Fd& from, Fd& to, bool up, bool& open) {
        std::array<char, 16 << 10> buffer;
        const ssize_t got = ::recv(from.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EAGAIN) return true;
        if (got < 0) {
            if (lie_ != Lie::clean_after_reset) to.close_with_reset();
            return false;
        }
        if (got == 0) {
            open = false;
            ::shutdown(to.get(), SHUT_WR);
            return true;
        }
        auto size = static_cast<std::size_t>(got);
        if (lie_ == Lie::flipped_bit && !up)
            buffer[size / 2] = static_cast<char>(buffer[size / 2] ^ 1);
        if (lie_ == Lie::lost_byte && up && may_lose_ && size > VerifyHeader::size_bytes) {
            may_lose_ = false;
            --size;
        }
        if (send_all(to, buffer.data(), size)) return true;
        if (lie_ != Lie::clean_after_reset) from.close_with_reset();
        return false;
    }

    const Address server_;
    const Lie lie_;
    const Fd listener_;
    bool may_lose_ = false;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

struct Told {
    Result client;
    Failures server;
    std::uint64_t all() const { return client.failures.total() + server.total(); }
};

Told verify_through(Lie lie) {
    Served served({.mode = ServeMode::verify});
    const LyingRelay relay(served.address(), lie);
    Told told;
    told.client =
        run_load({"--connect", relay.address(), "--mode", "verify", "--operations", "60",
                  "--connections", "1", "--bytes", "60000", "--timeout", "1", "--seed", "5"});
    served.stop();
    told.server = served.failures();
    BOOST_TEST_MESSAGE("client: " << told.client.failures.to_line()
                                  << "; server: " << told.server.to_line());
    return told;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(verify)

BOOST_AUTO_TEST_CASE(streams_that_nobody_touches_are_right_to_the_last_byte) {
    Served served({.mode = ServeMode::verify});
    for (const char* seed : {"1", "2", "3"}) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            const Result result =
                run_load({"--connect", served.address(), "--mode", "verify", "--operations", "100",
                          "--connections", "20", "--seed", seed, "--bytes", "300000"});
            BOOST_TEST(result.operations == 100u);
            BOOST_TEST(result.failures.to_line() == "none");
            BOOST_TEST(result.bytes_up > 0u);
            BOOST_TEST(result.bytes_down > 0u);
        }
    }
    served.stop();
    BOOST_TEST(served.failures().to_line() == "none");
}

BOOST_AUTO_TEST_CASE(an_honest_relay_passes) {
    const Told told = verify_through(Lie::none);
    BOOST_TEST(told.client.operations == 60u);
    BOOST_TEST(told.all() == 0u);
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_is_seen) {
    const Told told = verify_through(Lie::flipped_bit);
    BOOST_TEST(told.client.failures.of(Failure::wrong_bytes) > 10u);
    BOOST_TEST(!told.client.failed_seeds.empty());
}

BOOST_AUTO_TEST_CASE(a_lost_byte_is_seen_by_the_server) {
    const Told told = verify_through(Lie::lost_byte);
    BOOST_TEST(told.server.total() > 10u);
}

BOOST_AUTO_TEST_CASE(a_broken_stream_that_ends_cleanly_is_seen) {
    const Told told = verify_through(Lie::clean_after_reset);
    BOOST_TEST(told.client.failures.of(Failure::not_reset) > 0u);
    BOOST_TEST(told.server.of(Failure::not_reset) > 0u);
}

BOOST_AUTO_TEST_CASE(a_half_closed_connection_that_is_cut_is_seen) {
    const Told told = verify_through(Lie::ends_together);
    BOOST_TEST(told.client.failures.total() > 0u);
    BOOST_TEST(told.server.total() > 0u);
}

BOOST_AUTO_TEST_SUITE_END()
