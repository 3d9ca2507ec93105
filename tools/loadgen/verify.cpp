// Both sides of --mode verify: the client's operations and the server's sessions.
#include <cerrno>

#include "tools/loadgen/modes.h"
#include "tools/loadgen/server.h"

namespace ringway::loadgen {

namespace {

constexpr std::chrono::milliseconds pump_interval{1};
// A proxy that forwards neither a FIN nor a reset would hold a session for ever.
constexpr std::chrono::seconds session_limit{30};
// Edge-triggered: an end that pauses does not read, and must not be called for it.
constexpr std::uint32_t both_ways = EPOLLIN | EPOLLOUT | EPOLLET;

class Verify final : public Service {
public:
    using Service::Service;

    void on_turn(TimePoint now) override {
        if (now < pump_at_) return;
        pump_at_ = now + pump_interval;
        for (auto next = sessions().begin(); next != sessions().end();) {
            Session& session = *next++;
            if (now - session.begun > session_limit) {
                count(Failure::timeout);
                close_with_reset(session);
            } else if (session.verifying) {
                pump(session, now);
            }
        }
    }

private:
    void begin(Session& session) override {
        session.begun = Clock::now();
        watch(session, both_ways);
    }

    void on_ready(Session& session, std::uint32_t /*events*/) override {
        if (session.verifying || read_header(session)) pump(session, Clock::now());
    }

    // Peeks until the header is complete. A connection that ends before it has nothing to verify,
    // as a health check of the proxy.
    bool read_header(Session& session) {
        VerifyHeader::Bytes bytes;
        const ssize_t seen = ::recv(session.socket.get(), bytes.data(), bytes.size(), MSG_PEEK);
        if (seen < 0 && errno == EAGAIN) return false;
        if (seen <= 0) {
            close(session);
            return false;
        }
        if (static_cast<std::size_t>(seen) < bytes.size()) return false;
        ::recv(session.socket.get(), bytes.data(), bytes.size(), 0);
        const auto plan = VerifyHeader::decode(bytes);
        if (!plan) {
            count(Failure::wrong_bytes);
            close_with_reset(session);
            return false;
        }
        session.verifying = std::make_unique<VerifyEnd>(*plan, VerifyEnd::Role::server);
        return true;
    }

    void pump(Session& session, TimePoint now) {
        switch (session.verifying->pump(session.socket, now)) {
            case VerifyEnd::State::running:
                return;
            case VerifyEnd::State::done:
                return close(session);
            case VerifyEnd::State::failed:
                count(session.verifying->failure());
                return close_with_reset(session);
        }
    }

    TimePoint pump_at_{};
};

}  // namespace

std::unique_ptr<Service> make_verify(const ServiceOptions& options, Fd listener, Events& events) {
    return std::make_unique<Verify>(options, std::move(listener), events);
}

Verifies::Verifies(const RunOptions& options, Share share)
    : Client(options, std::move(share)), ends_(links().size()) {
    set_longest_wait(pump_interval);
}

void Verifies::start(Link& link) {
    const std::uint64_t which = (std::uint64_t{share().thread} << 48) + ++begun_;
    const std::uint64_t seed = mix(options().seed ^ mix(which));
    const VerifyPlan plan(seed, options().bytes);
    ends_[link.index].emplace(End{seed, VerifyEnd(plan, VerifyEnd::Role::client)});
    connect(link);
}

void Verifies::on_connected(Link& link) {
    const VerifyPlan plan(ends_[link.index]->seed, options().bytes);
    const VerifyHeader::Bytes header = VerifyHeader::encode(plan);
    if (::send(link.socket.get(), header.data(), header.size(), MSG_NOSIGNAL) < 0) {
        return fail_by_errno(link, errno);
    }
    rewatch(link, both_ways);
    pump(link);
}

void Verifies::on_ready(Link& link, std::uint32_t /*events*/) {
    pump(link);
}

void Verifies::on_turn() {
    if (now() < pump_at_) return;
    pump_at_ = now() + pump_interval;
    for (Link& link : links()) {
        if (link.busy && link.state == Link::State::open) pump(link);
    }
}

void Verifies::pump(Link& link) {
    auto& [seed, end] = *ends_[link.index];
    const VerifyEnd::State state = end.pump(link.socket, now());
    if (state == VerifyEnd::State::running) return;
    if (measuring()) {
        result().bytes_up += end.sent();
        result().bytes_down += end.received();
    }
    if (state == VerifyEnd::State::failed) {
        result().add_failed_seed(seed);
        link.socket.close_with_reset();
        return fail(link, end.failure());
    }
    close(link);
    finish(link);
}

}  // namespace ringway::loadgen
