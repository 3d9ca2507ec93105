#include "proxy/etcd/mirror.h"

#include <algorithm>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "proxy/etcd/line_splitter.h"
#include "proxy/etcd/range_reader.h"

namespace ringway::proxy {

namespace {

namespace asio = boost::asio;
using Kind = EtcdError::Kind;

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

std::uint64_t any_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

EtcdError closed() {
    return {Kind::closed, "closed"};
}

}  // namespace

class EtcdMirror::Follower {
public:
    Follower(std::shared_ptr<EtcdAccess> access, std::string prefix, Events events)
        : access_(std::move(access)),
          prefix_(std::move(prefix)),
          events_(std::move(events)),
          plan_(access_->endpoints().size(), any_seed()),
          pause_(access_->io()) {}

    static asio::awaitable<void> run(std::shared_ptr<Follower> self);

    void stop() {
        stopped_ = true;
        pause_.cancel();
        if (guard_) guard_->pause.cancel();
        if (connection_) connection_->close();
    }
    const EtcdAccess& access() const { return *access_; }
    const Copy& copy() const { return copy_; }
    const MirrorState& state() const { return state_; }

private:
    // Asks the member of an attempt now and then, on a connection of its own, whether it answers;
    // ends the watch where it does not.
    struct Guard {
        explicit Guard(asio::io_context& io) : pause(io), connection(io) {}
        asio::steady_timer pause;
        EtcdConnection connection;
        bool is_over = false;
        std::optional<EtcdError> failure{};
    };
    static asio::awaitable<void> keep_guard(std::shared_ptr<Follower> self,
                                            std::shared_ptr<Guard> guard);
    asio::awaitable<EtcdResult<void>> ask_member(Guard& guard);

    // Both end with the reason why nothing more is to be expected.
    asio::awaitable<EtcdError> attempt(MirrorPlan::Attempt attempt);
    asio::awaitable<EtcdError> watch();
    asio::awaitable<EtcdResult<void>> probe(std::int64_t after);
    asio::awaitable<EtcdResult<void>> take_snapshot();
    TimePoint deadline() const { return Clock::now() + access_->limits().attempt; }

    // What is next, if it ends the watch.
    std::optional<EtcdError> on_message(std::string_view line);
    bool is_asked_for(const EtcdEvent& event) const { return event.key.key.starts_with(prefix_); }
    void on_events(const EtcdWatchMessage& message);
    void replace(EtcdSnapshot& snapshot);
    void tell_change(std::vector<std::string> keys);
    void tell_state();
    void note_state();

    const std::shared_ptr<EtcdAccess> access_;
    const std::string prefix_;
    const Events events_;
    MirrorPlan plan_;
    MirrorState state_;
    Copy copy_;
    std::shared_ptr<EtcdConnection> connection_;
    std::size_t endpoint_ = 0;
    std::shared_ptr<Guard> guard_;  // of the watch that goes on
    asio::steady_timer pause_;
    bool stopped_ = false;
};

asio::awaitable<void> EtcdMirror::Follower::run(std::shared_ptr<Follower> self) {
    while (!self->stopped_ && !self->access_->endpoints().empty()) {
        const MirrorPlan::Attempt attempt = self->plan_.begin(Clock::now());
        const auto guard = std::make_shared<Guard>(self->access_->io());
        self->guard_ = guard;
        asio::co_spawn(self->access_->io(), keep_guard(self, guard), asio::detached);
        EtcdError error = co_await self->attempt(attempt);
        if (self->connection_) self->connection_->close();
        self->connection_.reset();
        if (guard->failure) error = *guard->failure;
        guard->is_over = true;
        guard->pause.cancel();
        guard->connection.close();
        self->guard_.reset();
        if (self->stopped_) co_return;
        const auto pause = self->plan_.on_failure(Clock::now(), error);
        self->tell_state();
        if (self->stopped_) co_return;
        if (pause.count() == 0) continue;
        self->pause_.expires_after(pause);
        co_await self->pause_.async_wait(use_tuple);
    }
}

asio::awaitable<EtcdError> EtcdMirror::Follower::attempt(MirrorPlan::Attempt attempt) {
    endpoint_ = attempt.endpoint;
    note_state();
    connection_ = std::make_shared<EtcdConnection>(access_->io());
    const EtcdEndpoint& endpoint = access_->endpoints()[attempt.endpoint];
    const auto connected = co_await connection_->connect(endpoint, access_->tools(), deadline());
    if (stopped_) co_return closed();
    if (!connected) co_return connected.error();
    if (attempt.after != 0) {
        const auto probed = co_await probe(attempt.after);
        if (stopped_) co_return closed();
        if (!probed) co_return probed.error();
    }
    if (plan_.state().revision == 0) {
        const auto taken = co_await take_snapshot();
        if (stopped_) co_return closed();
        if (!taken) co_return taken.error();
    }
    co_return co_await watch();
}

asio::awaitable<void> EtcdMirror::Follower::keep_guard(std::shared_ptr<Follower> self,
                                                       std::shared_ptr<Guard> guard) {
    while (!self->stopped_ && !guard->is_over) {
        guard->pause.expires_after(self->access_->limits().guard);
        co_await guard->pause.async_wait(use_tuple);
        if (self->stopped_ || guard->is_over) co_return;
        const auto answered = co_await self->ask_member(*guard);
        if (self->stopped_ || guard->is_over) co_return;
        if (answered) continue;
        guard->failure = answered.error();
        if (self->connection_) self->connection_->close();
        co_return;
    }
}

// That it has a leader, and how many keys there are.
asio::awaitable<EtcdResult<void>> EtcdMirror::Follower::ask_member(Guard& guard) {
    if (!guard.connection.is_open()) {
        const EtcdEndpoint& endpoint = access_->endpoints()[endpoint_];
        const auto connected =
            co_await guard.connection.connect(endpoint, access_->tools(), deadline());
        if (!connected) co_return connected.error();
    }
    EtcdRequest request{std::string(etcd_path::range), probe_request(prefix_, 0)};
    const auto answer = co_await access_->ask(guard.connection, std::move(request), deadline());
    if (!answer && answer.error().kind != Kind::token_refused) co_return answer.error();
    co_return EtcdResult<void>();
}

// A success also where a snapshot is needed, which the plan then knows.
asio::awaitable<EtcdResult<void>> EtcdMirror::Follower::probe(std::int64_t after) {
    EtcdRequest request{std::string(etcd_path::range), probe_request(prefix_, after)};
    const auto answer = co_await access_->ask(*connection_, std::move(request), deadline());
    if (stopped_) co_return closed();
    const auto header = answer ? parse_header(*answer) : EtcdResult<EtcdHeader>(answer.error());
    const bool goes_on = plan_.on_probe(Clock::now(), header);
    note_state();
    if (goes_on && !header) co_return header.error();
    co_return EtcdResult<void>();
}

asio::awaitable<EtcdResult<void>> EtcdMirror::Follower::take_snapshot() {
    RangeReader reader(prefix_, access_->limits().page_keys);
    for (bool done = false; !done;) {
        EtcdRequest request{std::string(etcd_path::range), reader.request()};
        const auto answer = co_await access_->ask(*connection_, std::move(request), deadline());
        if (stopped_) co_return closed();
        if (!answer) co_return answer.error();
        const auto taken = reader.take(*answer);
        if (!taken) co_return taken.error();
        done = *taken;
    }
    plan_.on_snapshot(Clock::now(), reader.snapshot().header);
    note_state();
    replace(reader.snapshot());
    co_return EtcdResult<void>();
}

asio::awaitable<EtcdError> EtcdMirror::Follower::watch() {
    EtcdRequest request{std::string(etcd_path::watch),
                        watch_request(prefix_, plan_.state().revision + 1)};
    const auto begun = co_await access_->ask_stream(*connection_, std::move(request), deadline());
    if (stopped_) co_return closed();
    if (!begun) co_return begun.error();
    LineSplitter lines(etcd_message_bytes_max);
    bool is_created = false;
    for (;;) {
        const TimePoint until = is_created ? Clock::now() + access_->limits().silence : deadline();
        const auto bytes = co_await connection_->read_stream(until);
        if (stopped_) co_return closed();
        if (!bytes) co_return bytes.error();
        if (bytes->empty()) co_return EtcdError{Kind::no_answer, "the member has ended the watch"};
        if (!lines.feed(*bytes)) {
            co_return EtcdError{Kind::malformed, "a message larger than 64 MiB"};
        }
        while (const auto line = lines.next()) {
            if (auto end = on_message(*line)) co_return std::move(*end);
            is_created = true;
            if (stopped_) co_return closed();
        }
    }
}

std::optional<EtcdError> EtcdMirror::Follower::on_message(std::string_view line) {
    const auto message = parse_watch_message(line);
    if (!message) {
        if (message.error().kind == Kind::token_refused) access_->forget_token();
        return message.error();
    }
    if (message->compacted > 0) return EtcdError{Kind::compacted, "what was missed is not kept"};
    if (message->canceled) {
        // A token that a member does not know gives no permission either.
        access_->forget_token();
        return EtcdError{Kind::unavailable,
                         message->cancel_reason.empty()
                             ? "the member has cancelled the watch"
                             : "the watch is refused: " + brief(message->cancel_reason)};
    }
    for (const EtcdEvent& each : message->events) {
        if (is_asked_for(each)) continue;
        return EtcdError{Kind::malformed, "an event has a key that was not asked for"};
    }
    plan_.on_message(Clock::now(), *message);
    if (message->created && plan_.state().kind != MirrorState::Kind::in_sync) {
        plan_.on_watching(Clock::now());
        tell_state();
        if (stopped_) return closed();
    }
    note_state();
    on_events(*message);
    return std::nullopt;
}

void EtcdMirror::Follower::on_events(const EtcdWatchMessage& message) {
    // As they were before the message, so that what ends as it was has not changed.
    std::map<std::string, std::optional<std::string>> before;
    for (const EtcdEvent& each : message.events) {
        const std::string key = each.key.key.substr(prefix_.size());
        const auto known = copy_.find(key);
        before.try_emplace(key, known != copy_.end() ? std::optional(known->second) : std::nullopt);
        if (each.is_delete) {
            copy_.erase(key);
        } else {
            copy_[key] = each.key.value;
        }
    }
    std::vector<std::string> changed;
    for (const auto& [key, old] : before) {
        const auto known = copy_.find(key);
        const bool is_same = known == copy_.end() ? !old : old == known->second;
        if (!is_same) changed.push_back(key);
    }
    tell_change(std::move(changed));
}

void EtcdMirror::Follower::replace(EtcdSnapshot& snapshot) {
    Copy next;
    for (EtcdKeyValue& each : snapshot.keys) {
        next.emplace_hint(next.end(), each.key.substr(prefix_.size()), std::move(each.value));
    }
    std::vector<std::string> changed;
    for (const auto& [key, value] : copy_) {
        if (!next.contains(key)) changed.push_back(key);
    }
    for (const auto& [key, value] : next) {
        const auto known = copy_.find(key);
        if (known == copy_.end() || known->second != value) changed.push_back(key);
    }
    std::ranges::sort(changed);
    copy_ = std::move(next);
    tell_change(std::move(changed));
}

void EtcdMirror::Follower::tell_change(std::vector<std::string> keys) {
    if (!keys.empty() && !stopped_ && events_.on_change) events_.on_change(keys);
}

void EtcdMirror::Follower::tell_state() {
    note_state();
    if (!stopped_ && events_.on_state) events_.on_state(state_);
}

void EtcdMirror::Follower::note_state() {
    state_ = plan_.state();
    state_.endpoint = access_->endpoints()[endpoint_].text;
}

EtcdMirror::EtcdMirror(std::shared_ptr<EtcdAccess> access, std::string prefix, Events events)
    : follower_(
          std::make_shared<Follower>(std::move(access), std::move(prefix), std::move(events))) {
    asio::co_spawn(follower_->access().io(), Follower::run(follower_), asio::detached);
}

EtcdMirror::~EtcdMirror() {
    follower_->stop();
}

const EtcdMirror::Copy& EtcdMirror::copy() const {
    return follower_->copy();
}

const MirrorState& EtcdMirror::state() const {
    return follower_->state();
}

}  // namespace ringway::proxy
