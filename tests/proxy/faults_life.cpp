#include "tests/proxy/faults_life.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>

namespace ringway::test::faults {

namespace {

// Shorter than a test's patience, so that what a call that failed leaves hanging ends by the time
// of the proxy.
RigSettings with_short_times(RigSettings settings = {}) {
    settings.timeouts.key = 2s;
    settings.timeouts.idle = 5s;
    settings.timeouts.half_close = 3s;
    settings.connect.timeout = 2s;
    settings.most_pipes = 2;
    return settings;
}

RigSettings read_for_key(conf::KeyPart part) {
    return with_short_times({.key = {.parts = {std::move(part)}, .max_bytes = 1024}});
}

RigSettings taking_header() {
    RigSettings settings = with_short_times();
    settings.proxy_protocol =
        conf::ProxyProtocol{.v1 = true, .trusted = {*conf::Network::parse("127.0.0.0/8")}};
    return settings;
}

RigSettings sending_header() {
    RigSettings settings = with_short_times();
    settings.key.parts = {{.from = conf::KeyPart::From::destination}};
    settings.send_proxy.version = conf::SendProxy::Version::v1;
    settings.connect.source_v4 = loopback();
    return settings;
}

// Different everywhere, so that a piece that is lost, doubled or misplaced shows.
std::string pattern(std::size_t size, std::uint32_t seed) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) {
        seed = seed * 1'664'525 + 1'013'904'223;
        byte = static_cast<char>(seed >> 24);
    }
    return bytes;
}

constexpr std::size_t bulk_bytes = 400'000;

}  // namespace

std::vector<Life> lives() {
    using From = conf::KeyPart::From;
    return {
        {.name = "plain", .settings = with_short_times()},
        {.name = "end_of_client_first", .settings = with_short_times(), .client_ends_first = true},
        {.name = "proxy_header_in",
         .settings = taking_header(),
         .introduction = "PROXY TCP4 192.0.2.1 192.0.2.2 1000 2000\r\n"},
        {.name = "first_line",
         .settings = read_for_key({.from = From::first_line}),
         .key = "some key\n",
         .client_ends_first = true},
        {.name = "header",
         .settings = read_for_key({.from = From::header, .name = "x-key"}),
         .key = "GET / HTTP/1.1\r\nHost: h\r\nX-Key: some key\r\n\r\n"},
        {.name = "failover",
         .settings = read_for_key({.from = From::first_line}),
         .has_dead_server = true},
        {.name = "unix_server", .settings = with_short_times(), .is_unix = true},
        {.name = "reset_by_server",
         .settings = with_short_times(),
         .resets = true,
         .end = proxy::CloseReason::server_reset},
        {.name = "bulk",
         .settings = with_short_times(),
         .bytes_up = bulk_bytes,
         .bytes_down = bulk_bytes},
        {.name = "proxy_header_out", .settings = sending_header(), .client_ends_first = true},
    };
}

Exchange::Exchange(const Life& life, const conf::Endpoint& front, const Fd& server)
    : life_(life), listening_(server), answer_(pattern(life.bytes_down, 2)) {
    const std::string payload = pattern(life.bytes_up, 1);
    sent_by_client_ = life.introduction + life.key + payload;
    client_.socket = connected_socket(front);
    client_.ends_first = life.client_ends_first;
    if (life.settings.send_proxy.version != conf::SendProxy::Version::none) {
        request_ = fmt::format("PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\n",
                               local_endpoint(client_.socket).port, front.port);
    }
    request_ += life.key + payload;
}

std::vector<Stream> Exchange::at_server() const {
    std::vector<Stream> streams;
    for (const Peer& server : servers_) streams.push_back(server.stream);
    return streams;
}

bool Exchange::have_ended() const {
    return client_.stream.ended &&
           std::ranges::all_of(servers_, [](const Peer& one) { return one.stream.ended; });
}

void Exchange::turn() {
    std::vector<pollfd> polled{{.fd = listening_.get(), .events = POLLIN, .revents = 0}};
    const auto watch = [&](const Peer& peer, bool may_send) {
        if (!peer.socket) return;
        const bool reads = !peer.stream.ended;
        const short events = static_cast<short>((reads ? POLLIN : 0) | (may_send ? POLLOUT : 0));
        polled.push_back({.fd = peer.socket.get(), .events = events, .revents = 0});
    };
    watch(client_, client_.sent < sent_by_client_.size());
    for (const Peer& one : servers_) {
        watch(one, one.stream.bytes.size() == request_.size() && one.sent < answer_.size());
    }
    ::poll(polled.data(), polled.size(), 2);
    if (ready(listening_, POLLIN, 0ms)) {
        servers_.push_back({.socket = accepted_socket(listening_), .resets = life_.resets});
    }
    act(client_, sent_by_client_, 0);
    for (Peer& one : servers_) act(one, answer_, request_.size());
}

// Reads and sends what can be now, and ends what is over. Sends once it has got what it `wants`.
void Exchange::act(Peer& peer, const std::string& bytes, std::size_t wants) const {
    if (!peer.socket) return;
    std::array<char, 16 << 10> buffer;
    while (!peer.stream.ended) {
        const ssize_t got = ::recv(peer.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) break;
        if (got > 0) {
            peer.stream.bytes.append(buffer.data(), static_cast<std::size_t>(got));
            continue;
        }
        peer.stream.ended = true;
        // The kernel reports a reset once, and a write may have got it.
        peer.stream.error = got < 0 ? errno : peer.failed;
    }
    const bool may_send = peer.stream.bytes.size() >= wants;
    const std::size_t size = peer.resets ? bytes.size() / 2 : bytes.size();
    while (may_send && peer.failed == 0 && peer.sent < size) {
        const ssize_t sent = ::send(peer.socket.get(), bytes.data() + peer.sent, size - peer.sent,
                                    MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN) peer.failed = errno;
        if (sent < 0) break;
        peer.sent += static_cast<std::size_t>(sent);
    }
    const bool has_sent = peer.sent == size;
    if (peer.resets && has_sent) {
        peer.stream.ended = true;
        return peer.socket.close_with_reset();
    }
    if (has_sent && (peer.ends_first || peer.stream.ended) && !peer.shut) {
        ::shutdown(peer.socket.get(), SHUT_WR);
        peer.shut = true;
    }
    // A server that does not get what it wants has no answer.
    const bool has_acted = peer.shut || peer.failed != 0 || peer.stream.error != 0 || !may_send;
    if (peer.stream.ended && has_acted) peer.socket.close();
}

}  // namespace ringway::test::faults
