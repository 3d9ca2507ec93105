// Sessions at random with TLS on one side of the relay or on both, against the rules that hold for
// every one of them: what arrives is a prefix of what was sent, and only a stream whose end was
// said within TLS ends as a whole one.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/relay_bench.h"
#include "tests/proxy/tls/rig.h"
#include "tests/support/noise.h"
#include "tests/support/random.h"
#include "tests/support/sanitizer.h"

using namespace ringway;
using test::Noise;
using test::RelayBench;
using test::SeededRandom;

namespace {

constexpr std::size_t session_count = test::is_sanitized ? 120 : 600;

enum class Ending {
    whole,  // says that its stream is complete, then goes on reading
    leave,  // the same, and closes at once
    cut,    // ends the network's stream alone; a plain peer has only this way, and it is whole
    reset,
};

enum class Saw { nothing, whole, broken };

// One end of a session: a plain socket, or OpenSSL on it.
class Peer {
public:
    Peer(proxy::Fd socket, proxy::Ssl ssl) : socket_(std::move(socket)), ssl_(std::move(ssl)) {
        if (!ssl_) return;
        SSL_set_mode(ssl_.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_set_fd(ssl_.get(), socket_.get());
    }

    void plan(SeededRandom& random, Noise out, Noise in) {
        out_.emplace(out);
        in_.emplace(in);
        size_ = random.below(std::size_t{1} << random.between(0, random.one_in(8) ? 22 : 17));
        piece_ = std::max<std::size_t>(1 + random.below(40'000), size_ / 100);
        ending_ = random.one_in(4) ? Ending::reset : Ending::whole;
        if (ssl_ && random.one_in(5)) ending_ = Ending::cut;
        if (ssl_ && random.one_in(5)) ending_ = Ending::leave;
    }

    void plan(Noise out, std::size_t size, Ending ending) {
        out_.emplace(out);
        in_.emplace(out);
        size_ = piece_ = size;
        ending_ = ending;
    }

    bool shake_hands() { return !ssl_ || SSL_do_handshake(ssl_.get()) == 1; }

    void act(SeededRandom& random) {
        if (is_done()) return;
        if (!ended_) send(random);
        receive(random);
        if (!ended_ && sent_ >= size_) end();
    }

    bool is_done() const {
        return !socket_ || (ended_ && saw_ != Saw::nothing) || saw_ == Saw::broken;
    }
    bool is_closed() const { return !socket_; }
    bool ends_whole() const {
        return ended_ && (ending_ == Ending::whole || ending_ == Ending::leave);
    }
    bool awaits_the_end() const { return ended_ && ending_ == Ending::whole; }
    bool has_ended() const { return ended_; }
    std::size_t sent() const { return sent_; }
    std::size_t received() const { return received_; }
    Saw saw() const { return saw_; }

private:
    void send(SeededRandom& random) {
        if (sent_ >= size_) return;
        // OpenSSL wants the same bytes again after a write that would block.
        if (pending_.empty()) {
            pending_ = out_->text(sent_, std::min(1 + random.below(piece_), size_ - sent_));
        }
        std::size_t taken = 0;
        if (ssl_) {
            ERR_clear_error();
            const int result = SSL_write_ex(ssl_.get(), pending_.data(), pending_.size(), &taken);
            if (result != 1) {
                if (!would_block(result)) size_ = sent_;
                return;
            }
        } else {
            const ssize_t got = ::send(socket_.get(), pending_.data(), pending_.size(),
                                       MSG_NOSIGNAL | MSG_DONTWAIT);
            if (got < 0) {
                if (errno != EAGAIN) {
                    size_ = sent_;
                    saw_ = Saw::broken;
                }
                return;
            }
            taken = static_cast<std::size_t>(got);
        }
        sent_ += taken;
        pending_.erase(0, taken);
    }

    void receive(SeededRandom& random) {
        if (saw_ != Saw::nothing) return;
        std::string room(1 + random.below(piece_), '\0');
        std::size_t size = 0;
        if (ssl_) {
            ERR_clear_error();
            const int result = SSL_read_ex(ssl_.get(), room.data(), room.size(), &size);
            if (result != 1) {
                if (would_block(result)) return;
                const bool whole = SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN;
                saw_ = whole ? Saw::whole : Saw::broken;
                return;
            }
        } else {
            const ssize_t got = ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
            if (got < 0 && errno == EAGAIN) return;
            if (got <= 0) {
                saw_ = got == 0 ? Saw::whole : Saw::broken;
                return;
            }
            size = static_cast<std::size_t>(got);
        }
        BOOST_REQUIRE(in_->matches(received_, {room.data(), size}));
        received_ += size;
    }

    bool would_block(int result) const {
        const int error = SSL_get_error(ssl_.get(), result);
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
    }

    void end() {
        if (ending_ == Ending::reset) {
            ended_ = true;
            socket_.close_with_reset();
            return;
        }
        if (ssl_ && ending_ != Ending::cut) {
            ERR_clear_error();
            const int result = SSL_shutdown(ssl_.get());
            if (result < 0 && would_block(result)) return;
        }
        ended_ = true;
        if (ending_ == Ending::leave) {
            socket_ = {};
            return;
        }
        ::shutdown(socket_.get(), SHUT_WR);
    }

    proxy::Fd socket_;
    proxy::Ssl ssl_;
    std::optional<Noise> out_;
    std::optional<Noise> in_;
    std::size_t size_ = 0;
    std::size_t piece_ = 1;
    Ending ending_ = Ending::whole;
    std::string pending_;
    std::size_t sent_ = 0;
    std::size_t received_ = 0;
    bool ended_ = false;
    Saw saw_ = Saw::nothing;
};

proxy::Ssl connecting() {
    static const proxy::SslContext context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    proxy::Ssl ssl(SSL_new(context.get()));
    SSL_set_connect_state(ssl.get());
    return ssl;
}

class TlsRelaySession final : private proxy::Side::Owner {
public:
    TlsRelaySession(RelayBench& bench, SeededRandom& random)
        : bench_(bench),
          server_(test::load_server(files().settings())),
          relay_(*this, bench.tools()) {
        const bool front = !random.one_in(3);
        const bool back = !front || random.one_in(2);
        client_ = connect(relay_.client(), front, true, random);
        far_ = connect(relay_.server(), back, false, random);
        const Noise up(random());
        const Noise down(random());
        client_->plan(random, up, down);
        far_->plan(random, down, up);
        shape_ = std::string(front ? "TLS" : "plain") + " to " + (back ? "TLS" : "plain");
        pump();
    }
    ~TlsRelaySession() { relay_.close(); }
    TlsRelaySession(const TlsRelaySession&) = delete;
    TlsRelaySession& operator=(const TlsRelaySession&) = delete;

    void act(SeededRandom& random) {
        client_->act(random);
        far_->act(random);
        if (state_ == State::settling) pump();
    }
    bool is_over() const { return state_ == State::ended && client_->is_done() && far_->is_done(); }
    std::size_t moved() const {
        return client_->sent() + client_->received() + far_->sent() + far_->received();
    }

    void check() const {
        check_direction(*client_, *far_);
        check_direction(*far_, *client_);
        if (client_->awaits_the_end() && far_->awaits_the_end()) {
            BOOST_TEST((client_->saw() == Saw::whole));
            BOOST_TEST((far_->saw() == Saw::whole));
        }
    }
    std::string to_string() const {
        const auto of = [](const Peer& peer) {
            return "sent " + std::to_string(peer.sent()) + ", received " +
                   std::to_string(peer.received()) + ", ended " + std::to_string(peer.has_ended()) +
                   (peer.ends_whole() ? " whole" : "") + ", saw " +
                   std::to_string(static_cast<int>(peer.saw())) + "; ";
        };
        return shape_ + ", client " + of(*client_) + "server " + of(*far_) + "relay " +
               std::to_string(static_cast<int>(state_));
    }

private:
    using State = proxy::Relay::State;

    static const test::TlsFiles& files() {
        static const test::TlsFiles files;
        return files;
    }

    // The relay's side and its peer, agreed where there is TLS.
    std::unique_ptr<Peer> connect(proxy::Side& side, bool is_tls, bool accepts,
                                  SeededRandom& random) {
        const int buffers = random.one_in(2) ? 0 : 4096 + static_cast<int>(random.below(65'536));
        test::TcpPair pair = test::tcp_pair(buffers, buffers);
        test::set_blocking(pair.near, false);
        test::set_blocking(pair.far, false);
        proxy::Stream stream(std::move(pair.near));
        proxy::Ssl theirs;
        if (is_tls) {
            proxy::Ssl ours = accepts ? server_->accept() : connecting();
            theirs = accepts ? connecting() : server_->accept();
            stream.begin_tls(
                std::make_unique<proxy::TlsStream>(std::move(ours), bench_.tls(), false));
        }
        auto peer = std::make_unique<Peer>(std::move(pair.far), std::move(theirs));
        bool agreed = !is_tls;
        const auto deadline = proxy::Clock::now() + test::patience;
        while (is_tls && (!agreed || !peer->shake_hands())) {
            peer->shake_hands();
            if (!agreed) agreed = stream.shake_hands().moved();
            BOOST_REQUIRE(proxy::Clock::now() < deadline);
        }
        BOOST_REQUIRE(side.open(std::move(stream), bench_.tools().poller));
        return peer;
    }

    static void check_direction(const Peer& from, const Peer& to) {
        BOOST_TEST(to.received() <= from.sent());
        if (to.is_closed() || to.saw() != Saw::whole) return;
        BOOST_TEST(from.ends_whole());
        BOOST_TEST(to.received() == from.sent());
    }

    void pump() {
        if (state_ == State::ended) return;
        state_ = relay_.pump();
        if (state_ == State::ended) relay_.close();
    }
    void on_side_ready() override { pump(); }
    bool will_read(const proxy::Side& side) const override {
        return state_ != State::ended && relay_.is_copying(side);
    }

    RelayBench& bench_;
    std::shared_ptr<const proxy::TlsServer> server_;
    proxy::Relay relay_;
    State state_ = State::moving;
    std::unique_ptr<Peer> client_;
    std::unique_ptr<Peer> far_;
    std::string shape_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_tls)

BOOST_AUTO_TEST_CASE(streams_arrive_whole_or_broken_and_never_cut_short_as_if_whole) {
    ::signal(SIGPIPE, SIG_IGN);  // OpenSSL's sockets write without MSG_NOSIGNAL
    SeededRandom random;
    RelayBench bench;
    std::vector<std::unique_ptr<TlsRelaySession>> live;
    auto last_end = proxy::Clock::now();
    for (std::size_t begun = 0; begun < session_count || !live.empty();) {
        if (begun < session_count && live.size() < 24) {
            live.push_back(std::make_unique<TlsRelaySession>(bench, random));
            ++begun;
        }
        std::size_t before = 0;
        for (auto& session : live) before += session->moved();
        const bool idle = !bench.poll();
        std::size_t after = 0;
        for (auto& session : live) {
            session->act(random);
            after += session->moved();
        }
        if (idle && before == after) bench.turn();
        std::erase_if(live, [&](const auto& session) {
            if (!session->is_over()) return false;
            BOOST_TEST_CONTEXT(session->to_string()) {
                session->check();
            }
            last_end = proxy::Clock::now();
            return true;
        });
        if (proxy::Clock::now() - last_end < test::patience) continue;
        for (const auto& session : live) BOOST_ERROR("does not end: " << session->to_string());
        BOOST_FAIL("sessions do not end");
    }
}

// It has said its end, and closes: the answer to that is a reset, which must not become one of the
// other side, nor take bytes that came before it.
BOOST_AUTO_TEST_CASE(a_peer_that_closes_after_its_end_gets_ours_too_late_and_harms_nobody) {
    ::signal(SIGPIPE, SIG_IGN);
    constexpr std::size_t size = 150'000;  // more than a turn reads
    SeededRandom random;
    RelayBench bench;
    for (const bool all_sent_before : {true, false}) {
        const auto server = test::load_server(test::TlsFiles().settings());
        test::RelaySession session(bench, {.relay = 1 << 20});
        proxy::Stream& stream = session.relay().server().stream;
        test::set_blocking(session.server, false);
        stream.begin_tls(std::make_unique<proxy::TlsStream>(connecting(), bench.tls(), false));
        Peer peer(std::move(session.server), server->accept());
        while (!stream.shake_hands().moved()) peer.shake_hands();
        const Noise noise(random());
        peer.plan(noise, size, Ending::leave);
        const auto send = [&] {
            while (!peer.is_closed()) peer.act(random);
        };
        if (all_sent_before) send();
        test::end_sending(session.client);
        if (!all_sent_before) {
            BOOST_TEST(session.turn_until([&] { return session.relay().half_closed(); }));
            send();
        }
        const auto received = session.receive_to_end(session.client);
        BOOST_TEST(received.error == 0);
        BOOST_TEST(noise.matches(0, received.bytes));
        BOOST_TEST(received.bytes.size() == size);
        BOOST_TEST(session.turn_until_ended());
        BOOST_TEST(!session.relay().server().broken);
    }
}

BOOST_AUTO_TEST_SUITE_END()
