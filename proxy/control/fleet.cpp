#include "proxy/control/fleet.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "proxy/base/random.h"
#include "proxy/text/escape.h"

namespace ringway::proxy {

namespace asio = boost::asio;

namespace {

// For this replica to hear of its own word.
constexpr std::chrono::milliseconds heard_within{1'000};
constexpr std::chrono::milliseconds heard_step{5};

}  // namespace

Fleet::Fleet(asio::io_context& io, const conf::FleetSettings& settings, EtcdTools tools,
             Events& events, Told told)
    : settings_(settings),
      told_(std::move(told)),
      instance_(random_hex(8)),
      io_(io),
      events_(events),
      client_(io, settings.etcd, std::move(tools)),
      keys_(io, client_, lease_time),
      lost_(io) {
    mirror_ = std::make_unique<EtcdMirror>(
        client_.access(), settings_.prefix,
        EtcdMirror::Events{
            .on_change = [this](std::span<const std::string> keys) { on_change(keys); },
            .on_state = [this](const MirrorState& state) { on_state(state); }});
}

void Fleet::inherit(const Fleet& before) {
    agrees_ = before.agrees_;
    agrees_since_ = before.agrees_since_;
    if (has_answered_) return;
    view_ = before.view_;
    is_lost_ = before.is_lost_;
}

void Fleet::publish(ReplicaReport report) {
    report.instance = instance_;
    if (published_ == report) return;
    keys_.set(settings_.prefix + replica_key(settings_.name), to_text(report));
    published_ = std::move(report);
}

void Fleet::publish_checks(const std::string& pool, ChecksReport report) {
    const auto found = published_checks_.find(pool);
    if (found != published_checks_.end() && found->second == report) return;
    keys_.set(settings_.prefix + checks_key(settings_.name, pool), to_text(report));
    published_checks_.insert_or_assign(pool, std::move(report));
}

void Fleet::keep_pools(const std::set<std::string, std::less<>>& pools) {
    std::erase_if(published_checks_, [&](const auto& entry) {
        if (pools.contains(entry.first)) return false;
        keys_.erase(settings_.prefix + checks_key(settings_.name, entry.first));
        return true;
    });
}

bool Fleet::is_in_force() const {
    return settings_.health == conf::FleetSettings::Health::majority && !is_lost_;
}

health::Condition Fleet::condition(std::string_view pool, std::string_view id,
                                   health::Condition own) const {
    if (!is_in_force()) return own;
    const Votes votes = view_.votes(pool, id);
    if (votes.known == 0) return own;
    const bool up = !votes.is_down();
    if (up && own.up) return own;
    const std::size_t of_them = up ? votes.known - votes.down : votes.down;
    const std::string most =
        fmt::format("{} of {} replicas find it {}", of_them, votes.known, up ? "up" : "down");
    if (!up && !own.up) {
        own.reason += ", " + most;
        return own;
    }
    return {.up = up, .awaits_check = false, .reason = most + ", here: " + own.reason};
}

// The first time, what was known before may be there no more.
void Fleet::on_change(std::span<const std::string> keys) {
    FleetView::Change change;
    const auto& copy = mirror_->copy();
    if (!std::exchange(has_answered_, true)) {
        view_ = FleetView();
        for (const auto& [key, value] : copy) view_.take(key, value, change);
        told_.words(view_.words());
        compare();
        return told_.verdicts(nullptr);
    }
    for (const std::string& key : keys) {
        const auto found = copy.find(key);
        const bool had_problem = view_.problems().contains(key);
        view_.take(key, found == copy.end() ? std::nullopt : std::optional(found->second), change);
        const auto problem = view_.problems().find(key);
        if (had_problem || problem == view_.problems().end()) continue;
        spdlog::warn("fleet: {}{} counts for nothing: {}", escaped(settings_.prefix), escaped(key),
                     problem->second);
    }
    put_again(keys);
    if (change.words) told_.words(view_.words());
    if (change.replicas) compare();
    if (!change.pools.empty()) told_.verdicts(&change.pools);
}

// Keys of ours that somebody else has removed: another process of this name that has left, or an
// administrator.
void Fleet::put_again(std::span<const std::string> keys) {
    const auto& copy = mirror_->copy();
    const auto is_ours = [this](const std::string& key) {
        if (key == replica_key(settings_.name)) return published_.has_value();
        return std::ranges::any_of(published_checks_, [&](const auto& entry) {
            return key == checks_key(settings_.name, entry.first);
        });
    };
    for (const std::string& key : keys) {
        if (!copy.contains(key) && is_ours(key)) keys_.doubt(settings_.prefix + key);
    }
}

void Fleet::on_state(const MirrorState& state) {
    using Kind = MirrorState::Kind;
    if (state.kind == Kind::in_sync && !has_answered_) on_change({});
    if (std::exchange(last_, state.kind) == state.kind) return;
    if (state.kind == Kind::in_sync) {
        lost_.cancel();
        spdlog::info("fleet: in etcd at {}, {} replicas", state.endpoint, view_.replicas().size());
        if (std::exchange(is_lost_, false)) {
            events_.add(Event::Kind::fleet, "", "", "etcd answers: the fleet's checks count");
            told_.verdicts(nullptr);
        }
        return;
    }
    if (state.kind != Kind::lost || is_lost_) return;
    spdlog::warn("fleet: etcd is lost: {}", escaped(state.reason));
    lost_.expires_after(lease_time);
    lost_.async_wait([this](const boost::system::error_code& error) {
        if (!error) when_lost_for_long();
    });
}

// Others may have died meanwhile.
void Fleet::when_lost_for_long() {
    is_lost_ = true;
    const std::string text = "etcd is lost: this replica goes by its own checks";
    spdlog::warn("fleet: {}", text);
    events_.add(Event::Kind::fleet, "", "", text);
    told_.verdicts(nullptr);
}

bool Fleet::has_double() const {
    const auto found = view_.replicas().find(settings_.name);
    return has_answered_ && found != view_.replicas().end() && found->second.instance != instance_;
}

std::optional<TimePoint> Fleet::differs_since(const std::string& replica) const {
    const auto found = differs_since_.find(replica);
    return found == differs_since_.end() ? std::nullopt : std::optional(found->second);
}

void Fleet::compare() {
    const auto differences = view_.differences(settings_.name);
    std::erase_if(differs_since_, [&](const auto& entry) {
        return std::ranges::find(differences, entry.first, &FleetDifference::replica) ==
               differences.end();
    });
    for (const auto& each : differences) differs_since_.try_emplace(each.replica, Clock::now());
    if (std::exchange(agrees_, differences.empty()) != differences.empty()) return;
    agrees_since_ = Clock::now();
}

asio::awaitable<Result<void>> Fleet::say(std::string pool, std::string id, AdminState word) {
    const std::string key = word_key(pool, id);
    const bool takes_back = word == AdminState::automatic;
    const std::string text = takes_back ? "" : to_text(word);
    // g++ 12 destroys the answers of two co_await in one expression twice.
    auto call = takes_back ? client_.remove(settings_.prefix + key)
                           : client_.put(settings_.prefix + key, text);
    const auto done = co_await std::move(call);
    if (!done) co_return Reason("etcd: " + done.error().text);
    const TimePoint until = Clock::now() + heard_within;
    asio::steady_timer pause(io_);
    while (Clock::now() < until) {
        const auto found = mirror_->copy().find(key);
        const bool is_there = found != mirror_->copy().end();
        if (takes_back ? !is_there : is_there && found->second == text) break;
        pause.expires_after(heard_step);
        co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    co_return Result<void>();
}

}  // namespace ringway::proxy
