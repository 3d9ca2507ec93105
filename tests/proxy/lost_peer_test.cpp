#include "proxy/net/lost_peer.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <boost/test/unit_test.hpp>

#include "tests/support/sockets.h"

using namespace ringway;
using namespace std::chrono_literals;
using proxy::Silence;
using proxy::TimePoint;
using std::chrono::milliseconds;

namespace {

constexpr auto limit = 30s;

// The kernel's TCP_INFO of a connection, from the times of its events.
struct Kernel {
    TimePoint heard{};       // the last acknowledgement of anything
    TimePoint sent{};        // the last bytes, again or for the first time
    unsigned in_flight = 0;  // segments
    unsigned probes = 0;     // of a shut window, unanswered
    std::size_t bytes = 100'000;

    tcp_info at(TimePoint now) const {
        const auto ago = [now](TimePoint when) {
            return static_cast<std::uint32_t>(
                std::chrono::duration_cast<milliseconds>(now - when).count());
        };
        tcp_info info{};
        info.tcpi_unacked = in_flight;
        info.tcpi_probes = static_cast<std::uint8_t>(probes);
        info.tcpi_last_ack_recv = ago(heard);
        info.tcpi_last_data_sent = ago(sent);
        return info;
    }
};

struct Fixture {
    const TimePoint start = TimePoint{} + 1000h;
    TimePoint now = start;
    Silence silence;
    Kernel kernel{.heard = start, .sent = start};

    bool is_lost() { return silence.exceeds(limit, kernel.at(now), kernel.bytes, now); }

    // Looks every seven seconds for `length`, during which `step` plays the peer; whether it
    // was ever lost.
    template <class Step>
    bool is_lost_within(std::chrono::seconds length, Step step) {
        for (const TimePoint end = now + length; now < end; now += 7s) {
            step();
            if (is_lost()) return true;
        }
        return false;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lost_peer, Fixture)

BOOST_AUTO_TEST_CASE(a_peer_that_answers_nothing_is_lost_after_the_limit) {
    kernel.in_flight = 10;
    const auto sends_again = [&] { kernel.sent = now - 1s; };
    now += 7s;
    BOOST_TEST(is_lost_within(120s, sends_again));
    BOOST_TEST((now - start >= limit));
    BOOST_TEST((now - start <= limit + 14s));
}

BOOST_AUTO_TEST_CASE(bytes_just_sent_after_a_long_silence_have_the_whole_limit) {
    now += 3600s;
    kernel.in_flight = 1;
    kernel.sent = now;
    BOOST_TEST(!is_lost());
    now += 29s;
    BOOST_TEST(!is_lost());
    now += 1s;
    BOOST_TEST(is_lost());
}

BOOST_AUTO_TEST_CASE(a_reader_whose_kernel_answers_every_probe_is_never_lost) {
    // As the kernel does it: up to two minutes from one probe to the next.
    const auto answered = [&] { kernel.heard = now - (now - start) % 120s; };
    BOOST_TEST(!is_lost_within(3600s, answered));
    // A look may come between a probe and its answer.
    const auto seen_under_way = [&] {
        kernel.probes = (now - start) % 120s < 7s ? 1 : 0;
        kernel.heard = now - (now - start) % 120s;
    };
    BOOST_TEST(!is_lost_within(3600s, seen_under_way));
}

BOOST_AUTO_TEST_CASE(a_probe_that_gets_lost_loses_no_peer) {
    kernel.probes = 1;
    BOOST_TEST(!is_lost_within(115s, [] {}));
    kernel.probes = 0;
    kernel.heard = now;
    BOOST_TEST(!is_lost());
}

BOOST_AUTO_TEST_CASE(a_reader_whose_kernel_answers_no_probe_is_lost) {
    const auto unanswered = [&] { kernel.probes = 1 + static_cast<unsigned>((now - start) / 60s); };
    BOOST_TEST(is_lost_within(300s, unanswered));
    BOOST_TEST((now - start >= 60s));
}

// Bytes that were under way when the window shut are sent again and answered each time.
BOOST_AUTO_TEST_CASE(a_window_that_shuts_over_bytes_under_way_is_answered_like_a_probe) {
    kernel.in_flight = 3;
    const auto answered = [&] {
        kernel.sent = now - (now - start) % 110s;
        kernel.heard = kernel.sent + 1ms;
    };
    now += 1s;
    BOOST_TEST(!is_lost_within(3600s, answered));
    const auto unanswered = [&] { kernel.sent = now - 1s; };
    BOOST_TEST(is_lost_within(300s, unanswered));
}

BOOST_AUTO_TEST_CASE(acknowledgements_that_keep_coming_keep_a_peer) {
    kernel.in_flight = 40;
    const auto streams = [&] {
        kernel.heard = now - 20ms;
        kernel.sent = now;
    };
    BOOST_TEST(!is_lost_within(3600s, streams));
}

// The kernel notes no time for an end without bytes.
BOOST_AUTO_TEST_CASE(an_end_of_the_stream_that_nobody_acknowledges_loses_the_peer) {
    kernel.sent = start - 60s;
    kernel.in_flight = 1;
    kernel.bytes = 1;
    now += 7s;
    BOOST_TEST(is_lost_within(120s, [] {}));
}

BOOST_AUTO_TEST_CASE(errors_of_the_way_there_are_told_from_a_peers_own) {
    for (const int error : {ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN}) {
        BOOST_TEST(proxy::means_lost(error));
    }
    for (const int error : {ECONNRESET, EPIPE, ECONNREFUSED, 0}) {
        BOOST_TEST(!proxy::means_lost(error));
    }
}

BOOST_AUTO_TEST_CASE(an_idle_peer_is_asked_three_times_and_no_timer_of_the_kernel_ends_it) {
    const proxy::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    proxy::watch_for_lost_peer(socket.get(), {.unacknowledged = 30s, .keepalive = 60s});
    const auto option = [&](int name) {
        int value = -1;
        socklen_t size = sizeof value;
        ::getsockopt(socket.get(), IPPROTO_TCP, name, &value, &size);
        return value;
    };
    BOOST_TEST(option(TCP_KEEPIDLE) == 60);
    BOOST_TEST(option(TCP_KEEPINTVL) == 10);
    BOOST_TEST(option(TCP_KEEPCNT) == 3);
    BOOST_TEST(option(TCP_USER_TIMEOUT) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
