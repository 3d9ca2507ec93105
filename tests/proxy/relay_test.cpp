#include "proxy/data/relay.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/relay_bench.h"
#include "tests/proxy/syscalls.h"
#include "tests/support/noise.h"
#include "tests/support/sockets.h"

using namespace ringway;
using test::Noise;
using test::RelayBench;
using test::RelaySession;
using State = proxy::Relay::State;

namespace {

constexpr std::size_t bulk_bytes = 4 << 20;
constexpr int small_buffer = 16 << 10;
constexpr std::size_t pipe_bytes = 512 << 10;

// Sends `bytes` while the other peer takes them; what that one got.
std::string carry(RelaySession& session, const proxy::Fd& from, const proxy::Fd& to,
                  std::string_view bytes) {
    std::string got;
    std::size_t sent = 0;
    std::vector<char> buffer(256 << 10);
    session.turn_until([&] {
        sent += RelaySession::send_some(from, bytes.substr(sent));
        const ssize_t size = ::recv(to.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size > 0) got.append(buffer.data(), static_cast<std::size_t>(size));
        return got.size() == bytes.size() || size == 0;
    });
    return got;
}

// Sends until the kernel and the relay take no more; how much that was.
std::size_t fill(RelaySession& session, const proxy::Fd& from, const Noise& noise) {
    std::size_t sent = 0;
    int idle_turns = 0;
    session.turn_until([&] {
        const std::string chunk = noise.text(sent, 64 << 10);
        const std::size_t taken = RelaySession::send_some(from, chunk);
        sent += taken;
        idle_turns = taken > 0 ? 0 : idle_turns + 1;
        return idle_turns > 50;
    });
    return sent;
}

// Has a function called before each splice, for a scope.
struct Splices {
    explicit Splices(std::function<void(int)> called) {
        test::syscalls::before_splice = std::move(called);
    }
    ~Splices() { test::syscalls::before_splice = nullptr; }
    Splices(const Splices&) = delete;
    Splices& operator=(const Splices&) = delete;
};

struct Fixture {
    RelayBench bench;
    const Noise noise{42};
    const std::string piece = noise.text(bulk_bytes, 50'000);  // of a stream that pauses
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(relay, Fixture)

BOOST_AUTO_TEST_CASE(bytes_go_both_ways_and_are_counted) {
    RelaySession session(bench);
    session.send(session.client, "question");
    BOOST_TEST(session.receive(session.server, 8) == "question");
    session.send(session.server, "an answer");
    BOOST_TEST(session.receive(session.client, 9) == "an answer");
    BOOST_TEST(session.relay().bytes_up() == 8u);
    BOOST_TEST(session.relay().bytes_down() == 9u);
    BOOST_TEST(!session.relay().half_closed());
    BOOST_TEST((session.state() == State::moving));
}

BOOST_AUTO_TEST_CASE(bytes_held_from_before_come_first_and_once) {
    RelaySession session(bench, {}, "key\n");
    session.send(session.client, "rest");
    BOOST_TEST(session.receive(session.server, 8) == "key\nrest");
    BOOST_TEST(session.relay().bytes_up() == 8u);
    BOOST_TEST(!session.relay().holds_bytes());
}

BOOST_AUTO_TEST_CASE(each_direction_ends_on_its_own_and_the_other_goes_on) {
    for (const bool client_first : {true, false}) {
        RelaySession session(bench);
        const auto& first = client_first ? session.client : session.server;
        const auto& second = client_first ? session.server : session.client;
        session.send(first, "last words");
        test::end_sending(first);
        const auto heard = session.receive_to_end(second);
        BOOST_TEST(heard.bytes == "last words");
        BOOST_TEST(heard.error == 0);
        BOOST_TEST(session.relay().half_closed());
        const std::string answer = noise.text(0, bulk_bytes);
        BOOST_TEST((carry(session, second, first, answer) == answer));
        BOOST_TEST((session.state() == State::moving));
        test::end_sending(second);
        BOOST_TEST(session.receive_to_end(first).error == 0);
        BOOST_TEST(session.turn_until_ended());
    }
}

BOOST_AUTO_TEST_CASE(an_end_is_passed_on_after_the_last_byte_that_a_slow_reader_has_yet_to_take) {
    RelaySession session(bench, {.peers = small_buffer, .relay = small_buffer});
    const std::size_t sent = fill(session, session.server, noise);
    test::end_sending(session.server);
    for (int i = 0; i < 20; ++i) session.turn();
    const auto received = session.receive_to_end(session.client);
    BOOST_TEST(received.bytes.size() == sent);
    BOOST_TEST(noise.matches(0, received.bytes));
    BOOST_TEST(received.error == 0);
}

BOOST_AUTO_TEST_CASE(after_both_ends_a_relay_waits_until_a_paused_reader_has_taken_everything) {
    for (const bool upward : {true, false}) {
        RelaySession session(bench, {.peers = small_buffer});
        const auto& from = upward ? session.client : session.server;
        const auto& to = upward ? session.server : session.client;
        const std::string bytes = noise.text(0, 200'000);
        session.send(from, bytes);
        test::end_sending(from);
        test::end_sending(to);
        for (int i = 0; i < 50; ++i) session.turn();
        BOOST_TEST(!session.relay().holds_bytes());
        BOOST_TEST((session.state() == State::moving));
        BOOST_TEST((session.receive_to_end(to).bytes == bytes));
        BOOST_TEST(session.turn_until_ended());
    }
}

BOOST_AUTO_TEST_CASE(a_reset_is_passed_on_after_all_bytes_that_came_before_it) {
    for (const bool from_client : {true, false}) {
        RelaySession session(bench, {.relay = small_buffer});
        auto& breaking = from_client ? session.client : session.server;
        const auto& other = from_client ? session.server : session.client;
        // More than the relay's side of `other` takes at once: the rest is held.
        const std::size_t sent = fill(session, breaking, noise);
        int undelivered = 0;
        ::ioctl(breaking.get(), SIOCOUTQ, &undelivered);
        breaking.close_with_reset();
        const auto received = session.receive_to_end(other);
        BOOST_TEST(received.bytes.size() >= sent - static_cast<std::size_t>(undelivered));
        BOOST_TEST(noise.matches(0, received.bytes));
        BOOST_TEST(test::was_reset(received));
        BOOST_TEST(session.turn_until_ended());
    }
}

BOOST_AUTO_TEST_CASE(a_reset_after_a_clean_end_of_the_other_direction_is_still_a_reset) {
    RelaySession session(bench);
    test::end_sending(session.client);
    BOOST_TEST(session.receive_to_end(session.server).error == 0);
    session.send(session.server, "half an ans");
    test::await_delivery(session.server);
    session.server.close_with_reset();
    const auto received = session.receive_to_end(session.client);
    BOOST_TEST(received.bytes == "half an ans");
    BOOST_TEST(test::was_reset(received));
}

BOOST_AUTO_TEST_CASE(a_server_that_closes_with_unread_bytes_has_broken_off) {
    RelaySession session(bench);
    session.send(session.server, "sorry");
    BOOST_TEST(session.receive(session.client, 5) == "sorry");
    session.send(session.client, "never read");
    BOOST_TEST(session.turn_until([&] { return session.relay().bytes_up() == 10; }));
    test::await_delivery(session.client);
    session.server.close();
    BOOST_TEST(test::was_reset(session.receive_to_end(session.client)));
}

// The error of a socket is reported once, by the first call.
BOOST_AUTO_TEST_CASE(a_reset_that_splice_meets_is_no_clean_end) {
    RelaySession session(bench);
    const std::string bytes = noise.text(0, bulk_bytes);
    BOOST_TEST((carry(session, session.server, session.client, bytes) == bytes));
    session.send(session.server, "lost");
    const Splices splices([&](int from) {
        std::array<char, 4> lost{};
        const ssize_t size = ::recv(from, lost.data(), lost.size(), MSG_DONTWAIT);
        if (size == std::ssize(lost)) session.server.close_with_reset();
    });
    const auto received = session.receive_to_end(session.client);
    BOOST_TEST(!session.server);
    BOOST_TEST(received.bytes.empty());
    BOOST_TEST(received.error == ECONNRESET);
}

BOOST_AUTO_TEST_CASE(a_side_that_is_not_being_read_has_its_reset_noticed) {
    for (const bool from_client : {true, false}) {
        RelaySession session(bench, {.peers = small_buffer, .relay = small_buffer});
        auto& breaking = from_client ? session.client : session.server;
        const auto& side = from_client ? session.relay().client() : session.relay().server();
        fill(session, breaking, noise);
        BOOST_TEST(session.relay().holds_bytes());
        breaking.close_with_reset();
        BOOST_TEST(session.turn_until([&] { return side.broken; }));
        BOOST_TEST(side.error == ECONNRESET);
        BOOST_TEST((session.state() == State::moving));
    }
}

BOOST_AUTO_TEST_CASE(a_relay_that_is_closed_before_its_end_resets_both_peers) {
    RelaySession session(bench);
    test::end_sending(session.client);
    BOOST_TEST(session.receive_to_end(session.server).error == 0);
    session.relay().close();
    BOOST_TEST(test::was_reset(test::receive_to_end(session.client)));
    const ssize_t sent = ::send(session.server.get(), "x", 1, MSG_NOSIGNAL);
    BOOST_TEST(sent == -1);
}

BOOST_AUTO_TEST_CASE(a_stopped_reader_bounds_what_is_in_flight_and_gets_every_byte_later) {
    for (const bool upward : {true, false}) {
        RelaySession session(bench, {.peers = small_buffer, .relay = small_buffer});
        const auto& from = upward ? session.client : session.server;
        const auto& to = upward ? session.server : session.client;
        const std::size_t sent = fill(session, from, noise);
        // Four kernel buffers, which the kernel doubles, one pipe and one buffer.
        BOOST_TEST(sent <= 4 * 4 * small_buffer + pipe_bytes + bench.buffer_bytes());
        BOOST_TEST(session.relay().holds_bytes());
        const std::string rest = noise.text(sent, bulk_bytes);
        const std::string head = session.receive(to, sent);
        BOOST_TEST(noise.matches(0, head));
        BOOST_TEST((carry(session, from, to, rest) == rest));
        BOOST_TEST(!session.relay().holds_bytes());
    }
}

BOOST_AUTO_TEST_CASE(bulk_is_spliced_and_messages_are_copied) {
    RelaySession session(bench);
    const std::uint64_t before = test::syscalls::spliced_bytes;
    for (int i = 0; i < 200; ++i) {
        session.send(session.client, "a small message");
        BOOST_TEST(session.receive(session.server, 15) == "a small message");
    }
    BOOST_TEST(test::syscalls::spliced_bytes - before == 0u);
    const std::string bytes = noise.text(0, bulk_bytes);
    BOOST_TEST((carry(session, session.server, session.client, bytes) == bytes));
    BOOST_TEST(test::syscalls::spliced_bytes - before > bulk_bytes / 2);
}

BOOST_AUTO_TEST_CASE(bulk_that_turns_into_messages_is_copied_again) {
    RelaySession session(bench);
    const std::string bytes = noise.text(0, bulk_bytes);
    BOOST_TEST((carry(session, session.client, session.server, bytes) == bytes));
    std::uint64_t before = 0;
    // The first few may still be spliced: only then are they known to be many.
    for (int i = 0; i < 5; ++i) {
        before = test::syscalls::spliced_bytes;
        session.send(session.client, "message");
        BOOST_TEST(session.receive(session.server, 7) == "message");
    }
    BOOST_TEST(test::syscalls::spliced_bytes == before);
}

BOOST_AUTO_TEST_CASE(bulk_with_a_message_now_and_then_stays_bulk) {
    RelaySession session(bench);
    const std::string bytes = noise.text(0, bulk_bytes);
    BOOST_TEST((carry(session, session.client, session.server, bytes) == bytes));
    for (int i = 0; i < 20; ++i) {
        session.send(session.client, "message");
        BOOST_TEST(session.receive(session.server, 7) == "message");
        const std::uint64_t before = test::syscalls::spliced_bytes;
        session.send(session.client, piece);
        BOOST_TEST((session.receive(session.server, piece.size()) == piece));
        BOOST_TEST(test::syscalls::spliced_bytes - before == piece.size());
    }
}

// A splice that only finds the socket empty costs as much as a small one.
BOOST_AUTO_TEST_CASE(a_socket_that_a_splice_emptied_is_not_spliced_from_again) {
    RelaySession session(bench);
    const std::string bytes = noise.text(0, bulk_bytes);
    BOOST_TEST((carry(session, session.server, session.client, bytes) == bytes));
    while (bench.poll()) continue;
    session.send(session.server, piece);
    int count = 0;
    const Splices splices([&](int) { ++count; });
    BOOST_TEST((session.receive(session.client, piece.size()) == piece));
    while (bench.poll()) continue;
    BOOST_TEST(count == 2);  // into the pipe and out of it
}

// Small sends of two sockets by turns lie apart in memory, each in a slot of the pipe: it is full
// with few bytes, and no event reports those that are left.
BOOST_AUTO_TEST_CASE(a_socket_that_a_splice_left_bytes_in_is_read_on) {
    constexpr int send_count = 1000;
    RelaySession one(bench);
    RelaySession other(bench);
    const std::string bytes = noise.text(0, bulk_bytes);
    BOOST_TEST((carry(one, one.client, one.server, bytes) == bytes));
    BOOST_TEST((carry(other, other.client, other.server, bytes) == bytes));
    while (bench.poll()) continue;
    std::string sent;
    for (int i = 0; i < send_count; ++i) {
        const std::string message = std::to_string(i) + ' ';
        one.send(one.client, message);
        other.send(other.client, message);
        sent += message;
    }
    int count = 0;
    const Splices splices([&](int) { ++count; });
    BOOST_TEST((one.receive(one.server, sent.size()) == sent));
    BOOST_TEST((other.receive(other.server, sent.size()) == sent));
    BOOST_TEST(count > 4);  // more than once into a pipe and out of it, each
}

BOOST_AUTO_TEST_CASE(an_idle_relay_owns_neither_buffer_nor_pipe) {
    const std::uint64_t pipes_before = test::syscalls::pipes_made;
    std::vector<std::unique_ptr<RelaySession>> sessions;
    for (int i = 0; i < 4; ++i) sessions.push_back(std::make_unique<RelaySession>(bench));
    const std::size_t descriptors = test::open_descriptors();
    const std::string bytes = noise.text(0, bulk_bytes);
    for (auto& session : sessions) {
        BOOST_TEST((carry(*session, session->client, session->server, bytes) == bytes));
        BOOST_TEST((carry(*session, session->server, session->client, bytes) == bytes));
        session->turn();
        BOOST_TEST(!session->relay().holds_bytes());
    }
    // One pipe was lent from one relay to the next.
    BOOST_TEST(test::syscalls::pipes_made - pipes_before == 1u);
    BOOST_TEST(test::open_descriptors() == descriptors + 2);
}

BOOST_AUTO_TEST_CASE(without_pipes_bulk_is_copied) {
    const test::syscalls::Refusal no_pipes(test::syscalls::pipe_error, ENFILE);
    RelaySession session(bench);
    const std::uint64_t before = test::syscalls::spliced_bytes;
    const std::string bytes = noise.text(0, bulk_bytes);
    BOOST_TEST((carry(session, session.client, session.server, bytes) == bytes));
    BOOST_TEST((carry(session, session.server, session.client, bytes) == bytes));
    BOOST_TEST(test::syscalls::spliced_bytes == before);
    BOOST_TEST(session.relay().bytes_up() == bulk_bytes);
}

BOOST_AUTO_TEST_CASE(no_more_pipes_are_lent_than_there_may_be) {
    const std::uint64_t before = test::syscalls::pipes_made;
    RelayBench frugal(1);
    RelaySession first(frugal, {.relay = small_buffer});
    RelaySession second(frugal, {.relay = small_buffer});
    // The first keeps the pipe, since its reader has stopped.
    fill(first, first.client, noise);
    const std::string bytes = noise.text(0, bulk_bytes);
    BOOST_TEST((carry(second, second.client, second.server, bytes) == bytes));
    BOOST_TEST(test::syscalls::pipes_made - before <= 1u);
}

BOOST_AUTO_TEST_CASE(urgent_bytes_keep_their_place_in_messages_and_in_bulk) {
    for (const std::size_t size : {std::size_t{100}, bulk_bytes}) {
        RelaySession session(bench);
        const std::string before = noise.text(0, size);
        const std::string after = noise.text(size, size);
        BOOST_TEST((carry(session, session.client, session.server, before) == before));
        BOOST_TEST(::send(session.client.get(), "!", 1, MSG_OOB) == 1);
        BOOST_TEST(session.receive(session.server, 1) == "!");
        BOOST_TEST((carry(session, session.client, session.server, after) == after));
    }
}

BOOST_AUTO_TEST_CASE(a_session_leaves_no_descriptor_behind_however_it_ends) {
    const std::size_t before = test::open_descriptors();
    enum class Ending { clean, reset, cut_with_bytes_in_a_pipe };
    for (const Ending ending : {Ending::clean, Ending::reset, Ending::cut_with_bytes_in_a_pipe}) {
        RelayBench own_bench;
        RelaySession session(own_bench, {.relay = small_buffer});
        fill(session, session.server, noise);
        if (ending == Ending::clean) {
            test::end_sending(session.server);
            BOOST_TEST(session.receive_to_end(session.client).error == 0);
            test::end_sending(session.client);
            BOOST_TEST(session.receive_to_end(session.server).error == 0);
        } else if (ending == Ending::reset) {
            session.server.close_with_reset();
            BOOST_TEST(test::was_reset(session.receive_to_end(session.client)));
        }
    }
    BOOST_TEST(test::open_descriptors() == before);
}

BOOST_AUTO_TEST_SUITE_END()
