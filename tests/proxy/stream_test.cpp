// A stream over real sockets: what each call returns, and what the peer sees of it.
#include "proxy/net/stream.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "proxy/net/pipes.h"
#include "tests/proxy/segments.h"
#include "tests/support/sockets.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"

using namespace ringway;
using proxy::Fd;
using proxy::IoResult;
using proxy::Stream;

namespace {

constexpr std::size_t splice_bytes = 1 << 20;

// A stream and its peer.
struct Ends {
    Stream stream;
    Fd peer;
};

Ends tcp_ends(int buffer_bytes = 0) {
    auto [near, far] = test::tcp_pair(buffer_bytes, buffer_bytes);
    test::set_blocking(near, false);
    return {Stream(std::move(near)), std::move(far)};
}

Ends unix_ends() {
    std::array<int, 2> fds{};
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
    Fd near(fds[0]);
    test::set_blocking(near, false);
    return {Stream(std::move(near)), Fd(fds[1])};
}

void await_readable(const Stream& stream) {
    pollfd one{.fd = stream.descriptor(), .events = POLLIN | POLLPRI, .revents = 0};
    BOOST_REQUIRE(::poll(&one, 1, 5'000) == 1);
}

// Which of moved, ended, would_block and failed holds: one of them.
std::string kind_of(const IoResult& result) {
    std::string kinds;
    if (result.moved()) kinds += "moved ";
    if (result.ended()) kinds += "ended ";
    if (result.would_block()) kinds += "would_block ";
    if (result.failed()) kinds += "failed ";
    return kinds.empty() ? kinds : kinds.substr(0, kinds.size() - 1);
}

// The bytes of one read that is expected to return some.
std::string read_some(Stream& stream, std::size_t room = 1024) {
    await_readable(stream);
    std::string bytes(room, '\0');
    const IoResult got = stream.read(bytes);
    BOOST_TEST(kind_of(got) == "moved");
    bytes.resize(got.bytes());
    return bytes;
}

IoResult read_once(Stream& stream) {
    std::array<char, 16> room{};
    return stream.read(room);
}

proxy::Pipe new_pipe() {
    proxy::Pipes pipes(1);
    return pipes.take();
}

int option(const Stream& stream, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    BOOST_TEST(::getsockopt(stream.descriptor(), level, name, &value, &size) == 0);
    return value;
}

// Writes until the kernel takes no more; how much it took.
std::size_t fill(Stream& stream) {
    const std::string block(64 << 10, 'x');
    std::size_t taken = 0;
    for (;;) {
        const IoResult result = stream.write(block);
        if (!result.moved()) {
            BOOST_TEST(kind_of(result) == "would_block");
            return taken;
        }
        taken += result.bytes();
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(stream)

BOOST_AUTO_TEST_CASE(a_read_returns_bytes_or_would_block_or_the_end) {
    for (auto& [stream, peer] : std::array{tcp_ends(), unix_ends()}) {
        BOOST_TEST(kind_of(read_once(stream)) == "would_block");
        BOOST_TEST(!stream.has_bytes());
        test::send_all(peer, "hello");
        BOOST_TEST(read_some(stream) == "hello");
        BOOST_TEST(kind_of(read_once(stream)) == "would_block");
        test::end_sending(peer);
        await_readable(stream);
        const IoResult end = read_once(stream);
        BOOST_TEST(kind_of(end) == "ended");
        BOOST_TEST(end.bytes() == 0U);
    }
}

BOOST_AUTO_TEST_CASE(a_reset_is_a_failure_once) {
    auto [stream, peer] = tcp_ends();
    peer.close_with_reset();
    await_readable(stream);
    const IoResult reset = read_once(stream);
    BOOST_TEST(kind_of(reset) == "failed");
    BOOST_TEST(reset.error() == ECONNRESET);
    BOOST_TEST(kind_of(read_once(stream)) == "ended");
}

BOOST_AUTO_TEST_CASE(an_error_that_was_taken_is_not_reported_again) {
    auto [stream, peer] = tcp_ends();
    BOOST_TEST(stream.take_error() == 0);
    peer.close_with_reset();
    await_readable(stream);
    BOOST_TEST(stream.take_error() == ECONNRESET);
    BOOST_TEST(stream.take_error() == 0);
    BOOST_TEST(kind_of(read_once(stream)) == "ended");
}

BOOST_AUTO_TEST_CASE(a_write_takes_what_the_kernel_has_room_for) {
    auto [stream, peer] = tcp_ends(16 << 10);
    const std::size_t taken = fill(stream);
    stream.shut_down_writing();
    BOOST_TEST(test::receive_to_end(peer).bytes == std::string(taken, 'x'));
}

BOOST_AUTO_TEST_CASE(a_write_to_nobody_fails_without_a_signal) {
    auto [stream, peer] = unix_ends();
    peer.close();
    const IoResult result = stream.write("x");
    BOOST_TEST(kind_of(result) == "failed");
    BOOST_TEST(result.error() == EPIPE);
}

// The kernel sends the bytes alone if the end does not come within 200 ms, as on a busy machine:
// one try of several is enough.
BOOST_AUTO_TEST_CASE(last_bytes_and_the_end_share_a_segment) {
    bool shared = false;
    for (int tries = 0; tries < 50 && !shared; ++tries) {
        auto [stream, peer] = tcp_ends();
        const auto before = test::bare_segments(peer.get());
        BOOST_TEST(stream.write("bye", true).bytes() == 3U);
        stream.shut_down_writing();
        const auto received = test::receive_to_end(peer);
        BOOST_TEST(received.bytes == "bye");
        BOOST_TEST(received.error == 0);
        shared = test::bare_segments(peer.get()) == before;
        test::send_all(peer, "still open");
        BOOST_TEST(read_some(stream) == "still open");
    }
    BOOST_TEST(shared);
}

BOOST_AUTO_TEST_CASE(reads_stop_at_urgent_bytes_which_keep_their_places) {
    auto [stream, peer] = tcp_ends();
    proxy::keep_urgent_in_place(stream);
    test::send_all(peer, "ab");
    BOOST_TEST(::send(peer.get(), "!", 1, MSG_OOB) == 1);
    test::send_all(peer, "cd");
    test::await_delivery(peer);
    BOOST_TEST(read_some(stream) == "ab");
    BOOST_TEST(read_some(stream) == "!cd");
}

BOOST_AUTO_TEST_CASE(a_splice_moves_bytes_through_a_pipe) {
    auto [from, source] = tcp_ends();
    auto [to, reader] = unix_ends();
    const proxy::Pipe pipe = new_pipe();
    BOOST_TEST(from.can_splice());
    BOOST_TEST(kind_of(from.splice_to(pipe, splice_bytes)) == "would_block");
    test::send_all(source, "hello");
    await_readable(from);
    BOOST_TEST(from.splice_to(pipe, 4).bytes() == 4U);
    BOOST_TEST(from.splice_to(pipe, splice_bytes).bytes() == 1U);
    const IoResult out = to.splice_from(pipe, 5);
    BOOST_TEST(kind_of(out) == "moved");
    BOOST_TEST(out.bytes() == 5U);
    BOOST_TEST(test::receive(reader, 5) == "hello");
    test::end_sending(source);
    await_readable(from);
    BOOST_TEST(kind_of(from.splice_to(pipe, splice_bytes)) == "ended");
}

BOOST_AUTO_TEST_CASE(a_splice_fails_as_a_read_and_a_write_do) {
    auto [from, source] = tcp_ends();
    auto [to, reader] = tcp_ends(16 << 10);
    const proxy::Pipe pipe = new_pipe();
    test::send_all(source, "hello");
    await_readable(from);
    BOOST_TEST(from.splice_to(pipe, splice_bytes).bytes() == 5U);
    fill(to);
    BOOST_TEST(kind_of(to.splice_from(pipe, 5)) == "would_block");
    reader.close_with_reset();
    BOOST_REQUIRE(test::eventually([&, &to = to] { return to.splice_from(pipe, 5).failed(); }));
    source.close_with_reset();
    await_readable(from);
    BOOST_TEST(from.splice_to(pipe, splice_bytes).error() == ECONNRESET);
}

BOOST_AUTO_TEST_CASE(only_a_read_passes_the_mark_of_urgent_bytes) {
    auto [stream, peer] = tcp_ends();
    proxy::keep_urgent_in_place(stream);
    const proxy::Pipe pipe = new_pipe();
    test::send_all(peer, "ab");
    BOOST_TEST(::send(peer.get(), "!", 1, MSG_OOB) == 1);
    test::await_delivery(peer);
    await_readable(stream);
    BOOST_TEST(stream.splice_to(pipe, splice_bytes).bytes() == 2U);
    BOOST_TEST(!stream.splice_to(pipe, splice_bytes).moved());
    BOOST_TEST(read_some(stream) == "!");
}

BOOST_AUTO_TEST_CASE(it_reports_what_can_be_read) {
    auto [stream, peer] = tcp_ends();
    BOOST_TEST(stream.is_drained());
    test::send_all(peer, "ab");
    await_readable(stream);
    BOOST_TEST(stream.has_bytes());
    BOOST_TEST(!stream.is_drained());
    BOOST_TEST(read_some(stream, 1) == "a");
    BOOST_TEST(!stream.is_drained());
    BOOST_TEST(read_some(stream, 1) == "b");
    BOOST_TEST(stream.is_drained());
    BOOST_TEST(!stream.has_buffered_bytes());
    const Stream closed;
    BOOST_TEST(!closed.is_drained());  // not known
}

BOOST_AUTO_TEST_CASE(it_reports_what_the_peer_has_yet_to_take) {
    auto [stream, peer] = tcp_ends(16 << 10);
    BOOST_TEST(stream.unacknowledged_bytes() == 0U);
    BOOST_TEST(stream.unsent_bytes() == 0U);
    const std::size_t taken = fill(stream);
    // The peer's kernel has a part, and its window is shut.
    BOOST_TEST(stream.unacknowledged_bytes() > 0U);
    BOOST_TEST(stream.unsent_bytes() > 0U);
    BOOST_TEST(stream.unsent_bytes() <= stream.unacknowledged_bytes());
    BOOST_TEST(test::receive(peer, taken).size() == taken);
    BOOST_TEST(test::eventually([&stream = stream] { return stream.unacknowledged_bytes() == 0; }));
    BOOST_TEST(stream.unsent_bytes() == 0U);
}

BOOST_AUTO_TEST_CASE(a_close_is_a_clean_end_and_a_close_with_reset_is_not) {
    auto [clean, clean_peer] = tcp_ends();
    clean.close();
    BOOST_TEST(!clean);
    BOOST_TEST(!test::was_reset(test::receive_to_end(clean_peer)));
    auto [broken, broken_peer] = tcp_ends();
    broken.close_with_reset();
    BOOST_TEST(!broken);
    BOOST_TEST(test::was_reset(test::receive_to_end(broken_peer)));
}

BOOST_AUTO_TEST_CASE(an_accepted_stream_has_its_addresses_and_does_not_block) {
    const Fd listening = test::listening_socket();
    test::set_blocking(listening, false);
    proxy::SocketAddress client;
    BOOST_TEST(!proxy::accept_stream(listening, client));
    BOOST_TEST(errno == EAGAIN);
    const Fd peer = test::connected_socket(test::local_endpoint(listening));
    BOOST_REQUIRE(test::ready(listening, POLLIN));
    Stream stream = proxy::accept_stream(listening, client);
    BOOST_REQUIRE(stream);
    BOOST_TEST(proxy::to_endpoint(client).to_string() == test::local_endpoint(peer).to_string());
    BOOST_TEST(proxy::local_address(stream)->to_string() ==
               test::local_endpoint(listening).to_string());
    BOOST_TEST(kind_of(read_once(stream)) == "would_block");
}

BOOST_AUTO_TEST_CASE(a_stream_connects_or_reports_why_not) {
    const Fd listening = test::listening_socket();
    const proxy::SocketAddress there(test::local_endpoint(listening));
    Stream stream = proxy::stream_towards(there);
    BOOST_REQUIRE(stream);
    BOOST_TEST(proxy::begin_to_connect(stream, there) == 0);
    const Fd peer = test::accepted_socket(listening);
    BOOST_TEST(stream.write("hello").bytes() == 5U);
    BOOST_TEST(test::receive(peer, 5) == "hello");

    const Fd nobody = test::bound_socket();
    const proxy::SocketAddress refusing(test::local_endpoint(nobody));
    Stream refused = proxy::stream_towards(refusing);
    BOOST_TEST(proxy::begin_to_connect(refused, refusing) == 0);
    await_readable(refused);
    BOOST_TEST(refused.take_error() == ECONNREFUSED);

    const test::TempDir folder;
    const proxy::SocketAddress missing(test::endpoint("unix:" + folder.path("missing")));
    const Stream local = proxy::stream_towards(missing);
    BOOST_TEST(proxy::begin_to_connect(local, missing) == ENOENT);
}

BOOST_AUTO_TEST_CASE(options_reach_the_socket) {
    const Fd listening = test::listening_socket();
    const proxy::SocketAddress there(test::local_endpoint(listening));
    const Stream stream = proxy::stream_towards(there);
    BOOST_TEST(option(stream, SOL_SOCKET, SO_OOBINLINE) == 1);
    proxy::send_at_once(stream);
    BOOST_TEST(option(stream, IPPROTO_TCP, TCP_NODELAY) == 1);
    proxy::hold_acknowledgements(stream);
    BOOST_TEST(option(stream, IPPROTO_TCP, TCP_QUICKACK) == 0);
    proxy::acknowledge_at_once(stream);
    BOOST_TEST(option(stream, IPPROTO_TCP, TCP_QUICKACK) == 1);
}

BOOST_AUTO_TEST_CASE(the_kernel_knows_tcp_connections_and_not_unix_ones) {
    const auto tcp = tcp_ends();
    const auto info = proxy::kernel_info(tcp.stream);
    BOOST_REQUIRE(info.has_value());
    BOOST_TEST(info->tcpi_state == TCP_ESTABLISHED);
    const auto local = unix_ends();
    BOOST_TEST(!proxy::kernel_info(local.stream).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
