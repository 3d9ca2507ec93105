// Sessions at random, many at a time through one relay bench, against the rules
// that hold for every one of them.
#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/proxy/relay_bench.h"
#include "tests/proxy/syscalls.h"
#include "tests/support/noise.h"
#include "tests/support/random.h"
#include "tests/support/sanitizer.h"

using namespace ringway;
using test::Noise;
using test::RelayBench;
using test::RelaySession;
using test::SeededRandom;
using State = proxy::Relay::State;

namespace {

constexpr std::size_t session_count = test::is_sanitized ? 300 : 2000;
constexpr std::size_t sessions_at_once = 48;

enum class Ending {
    clean,  // ends its side after its last byte, then reads to the end
    reset,  // breaks off, then or after some received bytes
    close,  // closes both directions at once, even with unread bytes
};

// What a peer is going to do.
struct Plan {
    std::size_t size = 0;  // bytes to send before the ending
    Ending ending = Ending::clean;
    std::size_t breaks_after = 0;   // received bytes that bring a reset forward; 0 for none
    std::size_t longest_chunk = 1;  // of a send
    std::size_t longest_read = 1;
    std::size_t pauses = 0;
};

// From nothing to megabytes: every order of magnitude alike.
std::size_t random_size(SeededRandom& random, std::size_t bits) {
    return random.below(std::size_t{1} << random.between(0, bits));
}

Plan random_plan(SeededRandom& random) {
    Plan plan;
    plan.size = random_size(random, random.one_in(8) ? 23 : 19);
    plan.longest_chunk = 1 + random_size(random, 18);
    plan.longest_read = 1 + random_size(random, 18);
    if (random.one_in(2)) plan.pauses = random.below(6);
    if (random.one_in(4)) plan.ending = Ending::reset;
    if (random.one_in(8)) plan.ending = Ending::close;
    if (plan.ending == Ending::reset && random.one_in(2)) {
        plan.breaks_after = 1 + random_size(random, 20);
    }
    return plan;
}

// Two plans for one session. Tiny pieces of a large stream would take all day.
std::pair<Plan, Plan> random_plans(SeededRandom& random) {
    constexpr std::size_t most_pieces = 150;
    std::pair<Plan, Plan> plans{random_plan(random), random_plan(random)};
    const auto limit = [](Plan& sender, Plan& reader) {
        const std::size_t least = sender.size / most_pieces;
        sender.longest_chunk = std::max(sender.longest_chunk, least);
        reader.longest_read = std::max(reader.longest_read, least);
    };
    limit(plans.first, plans.second);
    limit(plans.second, plans.first);
    return plans;
}

// One end of a session: sends noise, checks what it receives, ends as planned.
class Peer {
public:
    Peer(const proxy::Fd& socket, const Plan& plan, Noise out, Noise in, std::size_t sent)
        : socket_(socket), plan_(plan), out_(out), in_(in), sent_(sent) {}

    std::size_t sent() const { return sent_; }
    std::size_t received() const { return received_; }
    // Its own ending has happened. Then `delivered` bytes were with the kernel of
    // the relay.
    bool has_ended() const { return ended_; }
    Ending ending() const { return plan_.ending; }
    std::size_t delivered() const { return delivered_; }
    // How what it received ended: 0 is a clean end.
    std::optional<int> saw() const { return saw_; }
    bool is_done() const { return is_closed_ || (saw_ && (ended_ || *saw_ != 0)); }
    bool is_closed() const { return is_closed_; }

    void act(SeededRandom& random, proxy::Fd& socket) {
        if (is_done()) return;
        if (pause_ > 0) {
            --pause_;
            return;
        }
        if (plan_.pauses > 0 && random.one_in(20)) {
            --plan_.pauses;
            pause_ = random.below(300);
        }
        if (random.one_in(2)) {
            send(random);
            receive(random);
        } else {
            receive(random);
            send(random);
        }
        if (!ended_ && wants_to_end()) end(socket);
    }

private:
    bool wants_to_end() const {
        return sent_ >= plan_.size || (plan_.breaks_after > 0 && received_ >= plan_.breaks_after);
    }

    void send(SeededRandom& random) {
        if (ended_ || sent_ >= plan_.size) return;
        const auto size = std::min(random.between(1, plan_.longest_chunk), plan_.size - sent_);
        buffer_.resize(size);
        out_.fill(sent_, buffer_);
        const ssize_t taken =
            ::send(socket_.get(), buffer_.data(), size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (taken > 0) sent_ += static_cast<std::size_t>(taken);
        if (taken >= 0 || errno == EAGAIN) return;
        // The socket reports its error once: the next recv(2) would see a clean end.
        send_error_ = errno;
        plan_.size = sent_;
    }

    void receive(SeededRandom& random) {
        if (saw_) return;
        buffer_.resize(random.between(1, plan_.longest_read));
        const ssize_t got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            saw_ = got == 0 ? send_error_ : errno;
            return;
        }
        const auto size = static_cast<std::size_t>(got);
        BOOST_REQUIRE(in_.matches(received_, {buffer_.data(), size}));
        received_ += size;
    }

    void end(proxy::Fd& socket) {
        ended_ = true;
        if (plan_.ending == Ending::clean) {
            ::shutdown(socket_.get(), SHUT_WR);
            return;
        }
        int undelivered = 0;
        ::ioctl(socket_.get(), SIOCOUTQ, &undelivered);
        delivered_ = sent_ - std::min(sent_, static_cast<std::size_t>(undelivered));
        is_closed_ = true;
        if (plan_.ending == Ending::reset) {
            socket.close_with_reset();
        } else {
            socket.close();
        }
    }

    const proxy::Fd& socket_;
    Plan plan_;
    const Noise out_;
    const Noise in_;
    std::vector<char> buffer_;
    std::size_t sent_;
    std::size_t received_ = 0;
    std::size_t delivered_ = 0;
    std::size_t pause_ = 0;  // turns
    int send_error_ = 0;
    bool ended_ = false;
    bool is_closed_ = false;
    std::optional<int> saw_;
};

class RandomSession {
public:
    RandomSession(RelayBench& bench, SeededRandom& random)
        : RandomSession(bench, random, random(), random_plans(random)) {}

    void act(SeededRandom& random) {
        client_.act(random, session_.client);
        server_.act(random, session_.server);
        if (session_.state() == State::settling) session_.pump();
    }

    bool is_over() const {
        return session_.state() == State::ended && client_.is_done() && server_.is_done();
    }

    std::size_t moved() const {
        return client_.sent() + client_.received() + server_.sent() + server_.received();
    }

    // Rules of a session that is over.
    void check() {
        check_direction(client_, server_, session_.relay().bytes_up());
        check_direction(server_, client_, session_.relay().bytes_down());
    }

    std::string to_string() const {
        return describe("client", client_) + describe("server", server_) + " relay state " +
               std::to_string(static_cast<int>(session_.state()));
    }

private:
    RandomSession(RelayBench& bench, SeededRandom& random, std::uint64_t stream,
                  const std::pair<Plan, Plan>& plans)
        : up_(stream),
          down_(stream / 2 + 1),
          head_(up_.text(0, random.one_in(2) ? random.below(20'000) : 0)),
          session_(bench, random_buffers(random), head_),
          client_(session_.client, plans.first, up_, down_, head_.size()),
          server_(session_.server, plans.second, down_, up_, 0) {}

    static test::BufferSizes random_buffers(SeededRandom& random) {
        const auto size = [&] {
            return random.one_in(2) ? 0 : static_cast<int>(4096 + random_size(random, 17));
        };
        return {.peers = size(), .relay = size()};
    }

    static void check_direction(const Peer& from, const Peer& to, std::uint64_t counted) {
        // That it was a prefix, `to` has checked byte by byte.
        BOOST_TEST(to.received() <= from.sent());
        BOOST_TEST(counted <= from.sent());
        BOOST_TEST(counted >= to.received());
        if (to.is_closed()) return;
        BOOST_REQUIRE(to.saw().has_value());
        const bool clean_end = *to.saw() == 0;
        const bool broke_off = from.is_closed() && from.ending() == Ending::reset;
        if (clean_end) {
            BOOST_TEST(from.has_ended());
            BOOST_TEST(!broke_off);
            BOOST_TEST(to.received() == from.sent());
            BOOST_TEST(counted == from.sent());
        } else {
            BOOST_TEST((*to.saw() == ECONNRESET || *to.saw() == EPIPE));
            // Somebody broke off, or closed on bytes that were still coming.
            BOOST_TEST(from.is_closed());
        }
        if (from.is_closed()) BOOST_TEST(to.received() >= from.delivered());
    }

    static std::string describe(std::string_view name, const Peer& peer) {
        return std::string(name) + ": sent " + std::to_string(peer.sent()) + ", received " +
               std::to_string(peer.received()) + ", ending " +
               std::to_string(static_cast<int>(peer.ending())) +
               (peer.has_ended() ? " done" : " to come") + ", saw " +
               std::to_string(peer.saw().value_or(-1)) + "; ";
    }

    const Noise up_;
    const Noise down_;
    const std::string head_;
    RelaySession session_;
    Peer client_;
    Peer server_;
};

std::size_t total_moved(const std::vector<std::unique_ptr<RandomSession>>& sessions) {
    std::size_t bytes = 0;
    for (const auto& session : sessions) bytes += session->moved();
    return bytes;
}

// Runs `count` sessions to their ends, some at a time.
void run_sessions(SeededRandom& random, std::size_t count) {
    RelayBench bench;
    std::vector<std::unique_ptr<RandomSession>> live;
    bool idle = false;
    auto last_end = proxy::Clock::now();
    for (std::size_t begun = 0; begun < count || !live.empty();) {
        if (begun < count && live.size() < sessions_at_once) {
            live.push_back(std::make_unique<RandomSession>(bench, random));
            ++begun;
        }
        const auto moved_before = total_moved(live);
        if (!bench.poll() && idle) bench.turn();
        for (auto& session : live) session->act(random);
        idle = total_moved(live) == moved_before;
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

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_random)

BOOST_AUTO_TEST_CASE(streams_arrive_whole_or_broken_and_never_cut_short_as_if_whole) {
    SeededRandom random;
    const std::size_t descriptors = test::open_descriptors();
    const std::uint64_t spliced = test::syscalls::spliced_bytes;
    run_sessions(random, session_count);
    // Slow and few sessions may bring no bulk; tests/proxy/relay_test.cpp has it for sure.
    if (!test::is_sanitized) BOOST_TEST(test::syscalls::spliced_bytes > spliced);
    BOOST_TEST(test::open_descriptors() == descriptors);
}

BOOST_AUTO_TEST_CASE(the_same_holds_where_the_kernel_gives_no_pipes) {
    SeededRandom random;
    const test::syscalls::Refusal no_pipes(test::syscalls::pipe_error, ENFILE);
    run_sessions(random, session_count / 4);
}

BOOST_AUTO_TEST_CASE(the_descriptors_of_one_session_are_back_when_it_is_over) {
    SeededRandom random;
    const std::size_t before = test::open_descriptors();
    for (int i = 0; i < 50; ++i) {
        run_sessions(random, 1);
        BOOST_REQUIRE_EQUAL(test::open_descriptors(), before);
    }
}

BOOST_AUTO_TEST_SUITE_END()
