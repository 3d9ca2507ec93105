#include "health/checker.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <random>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/set.hpp>

#include "health/probe.h"
#include "health/state.h"

namespace ringway::health {

namespace {

namespace asio = boost::asio;
namespace intrusive = boost::intrusive;
using boost::system::error_code;

// When to look again at a probe whose answer has arrived but is not yet handled.
constexpr std::chrono::milliseconds grace{10};

// Starts and timeouts that are due within one tick share one turn of the timer.
constexpr Clock::duration tick = std::chrono::milliseconds(5);

Clock::time_point end_of_tick(Clock::time_point when) {
    return when + (tick - when.time_since_epoch() % tick) % tick;
}

Thresholds thresholds_of(const conf::HealthSettings& settings) {
    return {settings.rise, settings.fall};
}

Clock::duration fast_interval_of(const conf::HealthSettings& settings) {
    return settings.fast_interval.count() > 0 ? settings.fast_interval : settings.interval;
}

// Unlinks itself on destruction: a target can be removed in any state.
using Hook = intrusive::set_member_hook<intrusive::link_mode<intrusive::auto_unlink>>;

// One target, and its place in one of the Checker's two orders.
struct Entry {
    Entry(asio::io_context& io, LingeringCloses& lingering_closes, Target t, Clock::time_point now,
          std::uint64_t salt, std::function<void(Entry&, const Outcome&)> done)
        : target(std::move(t)),
          schedule(target.key, target.settings.interval, salt),
          fast_schedule(target.key, fast_interval_of(target.settings), salt),
          state(thresholds_of(target.settings), !target.starts_down),
          probe(io, lingering_closes,
                [this, ended = std::move(done)](const Outcome& o) { ended(*this, o); }) {
        view.since = now;
    }

    Clock::time_point first(Clock::time_point now) const { return pace().first(now); }
    // The next regular probe.
    Clock::time_point next(Clock::time_point now) const { return pace().next(now); }
    // The same, after the probe that ends now.
    Clock::time_point following(Clock::time_point now) const {
        return pace().following(started, now);
    }
    const Schedule& pace() const { return state.settled() ? schedule : fast_schedule; }

    Target target;
    Schedule schedule;
    Schedule fast_schedule;
    State state;
    View view;  // the fields that State does not keep
    bool probing = false;
    bool was_given_time = false;  // beyond its deadline, because this thread was late
    Clock::time_point when{};     // of the next start; of the deadline while probing
    Clock::time_point started{};  // of the last probe
    Hook hook;
    Probe probe;
};

struct ByTime {
    using type = Clock::time_point;
    const type& operator()(const Entry& entry) const { return entry.when; }
};

using Order =
    intrusive::multiset<Entry, intrusive::member_hook<Entry, Hook, &Entry::hook>,
                        intrusive::key_of_value<ByTime>, intrusive::constant_time_size<false>>;

}  // namespace

// One timer serves all targets: it is set to the earliest start or deadline.
class Checker::Impl : public std::enable_shared_from_this<Impl> {
public:
    Impl(asio::io_context& io, OnChange on_change, std::size_t max_probes)
        : io_(io), on_change_(std::move(on_change)), max_probes_(max_probes), timer_(io) {
        assert(max_probes_ > 0);
    }

    void set_targets(std::vector<Target> targets);
    void set_target(Target target);
    void remove_target(const std::string& key);
    std::optional<View> view(const std::string& key) const;
    bool take_down(const std::string& key, std::string_view reason);
    void observe(std::function<void(const Checked&)> on_check) { on_check_ = std::move(on_check); }
    std::uint64_t not_run() const { return not_run_; }
    void stop();

private:
    using Entries = std::unordered_map<std::string, std::unique_ptr<Entry>>;

    void set(Target target, Clock::time_point now);
    void add(Target target, Clock::time_point now);
    void adopt(Entry& entry, Target target, Clock::time_point now);
    void erase(Entries::iterator entry);
    void plan(Entry& entry, Clock::time_point when);
    void turn();
    void start_due(Clock::time_point now);
    void on_done(Entry& entry, const Outcome& outcome);
    void end_probe(Entry& entry, const Outcome& outcome, Clock::time_point now);
    void arm();

    asio::io_context& io_;
    const OnChange on_change_;
    std::function<void(const Checked&)> on_check_;
    const std::size_t max_probes_;
    const std::uint64_t salt_ = std::random_device{}();

    std::uint64_t not_run_ = 0;
    LingeringCloses lingering_closes_;

    // Every entry is in exactly one of the two orders, until stop().
    Entries entries_;
    Order planned_;  // by next start
    Order probing_;  // by deadline
    std::size_t probes_under_way_ = 0;

    asio::steady_timer timer_;
    Clock::time_point armed_for_ = Clock::time_point::max();
    bool stopped_ = false;
};

void Checker::Impl::set_targets(std::vector<Target> targets) {
    if (stopped_) return;
    std::unordered_set<std::string> wanted;
    for (const Target& target : targets) wanted.insert(target.key);
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        const auto next = std::next(entry);
        if (!wanted.contains(entry->first)) erase(entry);
        entry = next;
    }
    const auto now = Clock::now();
    for (Target& target : targets) set(std::move(target), now);
    arm();
}

void Checker::Impl::set_target(Target target) {
    if (stopped_) return;
    set(std::move(target), Clock::now());
    arm();
}

void Checker::Impl::remove_target(const std::string& key) {
    const auto known = entries_.find(key);
    if (stopped_ || known == entries_.end()) return;
    erase(known);
    arm();
}

void Checker::Impl::set(Target target, Clock::time_point now) {
    const auto known = entries_.find(target.key);
    if (known == entries_.end()) return add(std::move(target), now);
    if (known->second->target == target) return;
    if (known->second->target.address == target.address) {
        return adopt(*known->second, std::move(target), now);
    }
    erase(known);
    add(std::move(target), now);
}

void Checker::Impl::add(Target target, Clock::time_point now) {
    const std::string key = target.key;
    auto& entry = entries_[key];
    assert(!entry && "keys of targets are distinct");
    entry = std::make_unique<Entry>(io_, lingering_closes_, std::move(target), now, salt_,
                                    [this](Entry& e, const Outcome& o) { on_done(e, o); });
    plan(*entry, entry->first(now));
}

void Checker::Impl::erase(Entries::iterator entry) {
    if (entry->second->probing) --probes_under_way_;
    entries_.erase(entry);
}

// The next probe uses the new settings; state and schedule are kept.
void Checker::Impl::adopt(Entry& entry, Target target, Clock::time_point now) {
    const bool same_settings = entry.target.settings == target.settings;
    if (entry.target.source != target.source) {
        entry.view.not_run_why.clear();
        entry.view.not_run_by = LocalFault::none;
    }
    entry.target = std::move(target);
    if (same_settings) return;
    const conf::HealthSettings& settings = entry.target.settings;
    entry.schedule = Schedule(entry.target.key, settings.interval, salt_);
    entry.fast_schedule = Schedule(entry.target.key, fast_interval_of(settings), salt_);
    entry.state.set_thresholds(thresholds_of(settings));
    if (settings.initial == conf::HealthSettings::Initial::up) entry.state.wait_no_more();
    if (entry.probing) return;  // its end schedules by the new interval
    entry.hook.unlink();
    plan(entry, std::min(entry.when, entry.next(now)));
}

bool Checker::Impl::take_down(const std::string& key, std::string_view reason) {
    const auto found = entries_.find(key);
    if (stopped_ || found == entries_.end() || !found->second->state.up()) return false;
    Entry& entry = *found->second;
    const auto now = Clock::now();
    entry.state.take_down(reason);
    entry.view.since = now;
    if (entry.probing) return true;
    entry.hook.unlink();
    plan(entry, std::min(entry.when, entry.next(now)));
    arm();
    return true;
}

void Checker::Impl::plan(Entry& entry, Clock::time_point when) {
    entry.when = when;
    planned_.insert(entry);
}

std::optional<View> Checker::Impl::view(const std::string& key) const {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return std::nullopt;
    const Entry& entry = *found->second;
    View view = entry.view;
    view.up = entry.state.up();
    view.awaited = entry.state.awaited();
    view.checked = entry.state.checked();
    view.successes = entry.state.successes();
    view.failures = entry.state.failures();
    view.reason = entry.state.awaited() ? "not checked yet" : entry.state.reason();
    return view;
}

void Checker::Impl::stop() {
    stopped_ = true;
    planned_.clear();
    probing_.clear();
    probes_under_way_ = 0;
    for (const auto& [key, entry] : entries_) {
        entry->probe.cancel();
        entry->probing = false;
    }
    lingering_closes_.clear();
    timer_.cancel();
}

// Handles everything that is due. A callback may change the targets, so each round reads the front
// again.
void Checker::Impl::turn() {
    const auto now = Clock::now();
    while (!probing_.empty() && probing_.begin()->when <= now) {
        Entry& entry = *probing_.begin();
        if (!entry.was_given_time && entry.probe.is_answered()) {
            // This thread is late, not the server: the answer has already arrived.
            entry.was_given_time = true;
            entry.hook.unlink();
            entry.when = now + std::max<Clock::duration>(grace, now - entry.when);
            probing_.insert(entry);
            continue;
        }
        const auto timeout_ms = std::to_string(entry.target.settings.timeout.count());
        const std::string detail =
            std::string(entry.probe.step()) + ": nothing in " + timeout_ms + " ms";
        entry.probe.cancel();
        end_probe(entry, {ProbeStatus::failed, "timeout", detail}, now);
    }
    start_due(now);
    arm();
}

void Checker::Impl::start_due(Clock::time_point now) {
    while (probes_under_way_ < max_probes_ && !planned_.empty() && planned_.begin()->when <= now) {
        Entry& entry = *planned_.begin();
        entry.hook.unlink();
        entry.probing = true;
        entry.was_given_time = false;
        entry.started = now;
        entry.when = now + entry.target.settings.timeout;
        probing_.insert(entry);
        ++probes_under_way_;
        entry.probe.start(entry.target);
    }
}

void Checker::Impl::on_done(Entry& entry, const Outcome& outcome) {
    const auto self = shared_from_this();  // the callback may destroy the Checker
    const auto now = Clock::now();
    end_probe(entry, outcome, now);
    start_due(now);
    arm();
}

// The callback comes last: `entry` may not exist after it.
void Checker::Impl::end_probe(Entry& entry, const Outcome& outcome, Clock::time_point now) {
    if (on_check_) on_check_({entry.target, outcome.result, outcome.detail, now - entry.started});
    entry.hook.unlink();
    entry.probing = false;
    --probes_under_way_;
    if (outcome.status == ProbeStatus::not_run) {
        ++entry.view.not_run;
        ++not_run_;
        entry.view.not_run_why = outcome.detail;
        entry.view.not_run_by = outcome.fault;
        return plan(entry, entry.following(now));
    }
    entry.view.not_run_why.clear();
    entry.view.not_run_by = LocalFault::none;
    const bool passed = outcome.status == ProbeStatus::passed;
    const bool first = !entry.state.checked();
    ++(passed ? entry.view.all_passed : entry.view.all_failed);
    entry.view.last_took = now - entry.started;
    entry.view.last_probe = now;
    entry.view.last_result = outcome.result;
    const Transition transition = entry.state.on_probe(passed, outcome.result);
    plan(entry, entry.following(now));
    if (transition == Transition::none) return;
    entry.view.since = now;
    const auto streak = passed ? entry.state.successes() : entry.state.failures();
    on_change_(
        {entry.target.key, passed,
         outcome.detail + (first ? ", first check" : ", " + std::to_string(streak) + " in a row")});
}

// Moves the timer forward only; where it fires too early, turn() does nothing.
void Checker::Impl::arm() {
    if (stopped_) return;
    auto earliest = Clock::time_point::max();
    if (!probing_.empty()) earliest = probing_.begin()->when;
    if (probes_under_way_ < max_probes_ && !planned_.empty()) {
        earliest = std::min(earliest, planned_.begin()->when);
    }
    if (earliest == Clock::time_point::max()) return;
    earliest = end_of_tick(earliest);
    if (earliest >= armed_for_) return;
    armed_for_ = earliest;
    timer_.expires_at(earliest);
    timer_.async_wait([weak = weak_from_this()](const error_code& error) {
        const auto self = weak.lock();
        if (error || !self || self->stopped_) return;
        self->armed_for_ = Clock::time_point::max();
        self->turn();
    });
}

Checker::Checker(asio::io_context& io, OnChange on_change, std::size_t max_probes)
    : impl_(std::make_shared<Impl>(io, std::move(on_change), max_probes)) {}

Checker::~Checker() {
    impl_->stop();
}

void Checker::set_targets(std::vector<Target> targets) {
    impl_->set_targets(std::move(targets));
}

std::optional<View> Checker::view(const std::string& key) const {
    return impl_->view(key);
}

void Checker::set_target(Target target) {
    impl_->set_target(std::move(target));
}

void Checker::remove_target(const std::string& key) {
    impl_->remove_target(key);
}

bool Checker::take_down(const std::string& key, std::string_view reason) {
    return impl_->take_down(key, reason);
}

void Checker::observe(std::function<void(const Checked&)> on_check) {
    impl_->observe(std::move(on_check));
}

std::uint64_t Checker::not_run() const {
    return impl_->not_run();
}

void Checker::stop() {
    impl_->stop();
}

}  // namespace ringway::health
