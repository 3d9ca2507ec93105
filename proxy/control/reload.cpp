// The way of a configuration, from a file to what serves. What takes time is done beside
// the control thread, which answers questions meanwhile.
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "conf/difference.h"
#include "proxy/base/access_log.h"
#include "proxy/control/config_file.h"
#include "proxy/control/control.h"

namespace ringway::proxy {

namespace asio = boost::asio;

namespace {

using Loaded = std::variant<ConfigFile, std::vector<std::string>>;

// Of the entries that a reload changes.
constexpr std::size_t changes_logged = 100;

// Of pools that a configuration changes in one turn of the loop: a few milliseconds.
constexpr std::size_t servers_per_turn = 1'000;

constexpr auto* draining_reason = "ringway is draining: nothing can change any more";

}  // namespace

std::optional<std::string> Control::refusal(const conf::Config& next) const {
    if (auto reason = needs_restart(next)) return reason;
    return pools_.layers().refusal(next);
}

std::optional<std::string> Control::needs_restart(const conf::Config& next) const {
    if (next.workers != config_.workers) return "workers cannot change while running: restart";
    conf::AdminSettings admin = next.admin;
    admin.ready = config_.admin.ready;  // nothing is opened for it
    if (admin == config_.admin) return std::nullopt;
    for (const conf::Difference& each : conf::difference(config_, next)) {
        if (!each.path.starts_with("admin.") || each.path == "admin.ready") continue;
        return fmt::format("{} cannot change while running: restart", each.path);
    }
    return "admin cannot change while running: restart";
}

// The one way from a configuration to a running state. What can fail comes first and leaves
// no trace; what follows cannot. Listeners lead to pools whose rings are there.
asio::awaitable<std::optional<std::string>> Control::apply(conf::Config next,
                                                           std::vector<std::string>& notes) {
    DebugSteps steps("configuration");
    if (auto reason = refusal(next)) co_return reason;
    steps.done("nothing in it needs a restart or is too large");
    std::optional<std::string> reason;
    OpenedSockets opened = listeners_.open(next, reason);
    if (reason) co_return reason;
    std::variant<LogTarget, std::string> log_target;
    if (next.log.target != config_.log.target) log_target = open_log_target(next.log.target);
    if (auto* error = std::get_if<std::string>(&log_target)) co_return std::move(*error);

    steps.done(fmt::format("{} addresses opened", opened.size()));
    notes = pools_.layers().notes_on(next);
    co_await adopt_pools(next);
    steps.done("pools changed");
    co_await published(nullptr);
    steps.done("rings published");
    if (draining_) co_return std::string(draining_reason);

    listeners_.apply(next, std::move(opened), pools_);
    pools_.drop_others(next);
    steps.done("listeners changed");
    set_log_style(log_level_.adopt(next.log));
    if (auto& target = std::get<LogTarget>(log_target)) log_.redirect(std::move(target));
    config_ = std::move(next);
    save_overrides();
    if (serving_) co_await workers_follow();
    steps.done("it serves");
    co_return std::nullopt;
}

// Pool by pool, with questions answered in between. Nobody else changes servers meanwhile:
// what was found to fit goes on to fit.
asio::awaitable<void> Control::adopt_pools(const conf::Config& next) {
    adopting_ = true;
    std::size_t servers = 0;
    for (const conf::Pool& pool : next.pools) {
        pools_.apply(pool);
        servers += pool.servers.size() + 1;
        if (servers < servers_per_turn) continue;
        servers = 0;
        co_await asio::post(io_, asio::use_awaitable);
    }
    adopting_ = false;
    turns_->ended.cancel();
}

asio::awaitable<void> Control::may_change() {
    while (adopting_ || (!serving_ && turns_->taken)) {
        co_await turns_->ended.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

asio::awaitable<void> Control::published(const std::string* pool) {
    asio::steady_timer done(io_, asio::steady_timer::time_point::max());
    pools_.when_published(pool,
                          [&done] { done.expires_at(asio::steady_timer::time_point::min()); });
    co_await done.async_wait(asio::as_tuple(asio::use_awaitable));
}

// Until every worker has done what it was told so far: then no connection is accepted by
// what was before.
asio::awaitable<void> Control::workers_follow() {
    asio::steady_timer done(io_, asio::steady_timer::time_point::max());
    std::size_t left = workers_.size();
    const auto answered = [&done, &left] {
        if (--left == 0) done.expires_at(asio::steady_timer::time_point::min());
    };
    for (const auto& worker : workers_) {
        worker->ask([this, answered] { asio::post(io_, answered); });
    }
    co_await done.async_wait(asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<void> Control::take_turn() {
    while (turns_->taken) {
        co_await turns_->ended.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

asio::awaitable<void> Control::reload_by_signal() {
    co_await reload();
}

asio::awaitable<ReloadResult> Control::reload(double max_moved) {
    co_await take_turn();
    const Turn turn(*this);
    ReloadResult result;
    if (leaving_) {
        result.errors = {draining_reason};
        co_return result;
    }
    notifier_.reloading();
    DebugSteps steps("reload");
    Loaded loaded;
    Background::Step load = [&] {
        loaded = load_config(status_.file);
        const auto* const file = std::get_if<ConfigFile>(&loaded);
        if (file == nullptr) return;
        for (const conf::Difference& each : conf::difference(config_, file->config)) {
            result.changes.push_back(conf::to_string(each));
        }
    };
    co_await in_background(preparer_, std::move(load));
    steps.done("the file is read");
    if (auto* errors = std::get_if<std::vector<std::string>>(&loaded)) {
        result.errors = std::move(*errors);
    } else {
        auto& [next, fingerprint] = std::get<ConfigFile>(loaded);
        auto reason = max_moved < 1 ? refusal(next) : std::nullopt;
        if (max_moved < 1 && !reason) result.errors = co_await moves_beyond(next, max_moved);
        std::vector<std::string> notes;
        if (leaving_) reason = draining_reason;
        if (!reason && result.errors.empty()) reason = co_await apply(std::move(next), notes);
        if (reason) result.errors.push_back(fmt::format("{}: {}", status_.file, *reason));
        if (result.errors.empty()) status_.fingerprint = std::move(fingerprint);
        for (std::string& note : notes) result.changes.push_back(std::move(note));
    }
    result.ok = result.errors.empty();
    if (!result.ok) result.changes.clear();
    report_reload(result);
    co_return result;
}

asio::awaitable<std::vector<std::string>> Control::moves_beyond(const conf::Config& next,
                                                                double max_moved) {
    std::vector<std::string> lines;
    Background::Step plan = [&lines, &next, max_moved, now = config_, rings = pools_.rings(),
                             drafts = pools_.drafts_of(next)] {
        lines = beyond(make_plan(now, rings, next, make_rings(drafts)), max_moved);
    };
    co_await in_background(preparer_, std::move(plan));
    co_return lines;
}

// All that is told of a reload changes at once, with its result.
void Control::report_reload(const ReloadResult& result) {
    ++status_.reloads;
    status_.reloaded_at = std::chrono::system_clock::now();
    if (result.ok) {
        ++status_.generation;
        status_.loaded_at = std::chrono::system_clock::now();
        status_.last_result = "ok";
        spdlog::info("reload: ok, generation {}, {} changes, file {}", status_.generation,
                     result.changes.size(), status_.fingerprint);
        for (std::size_t i = 0; i < std::min(result.changes.size(), changes_logged); ++i) {
            spdlog::info("reload: {}", result.changes[i]);
        }
        if (result.changes.size() > changes_logged) {
            spdlog::info("reload: and {} more", result.changes.size() - changes_logged);
        }
        events_.add(
            Event::Kind::reload, "", "",
            fmt::format("generation {}, {} changes", status_.generation, result.changes.size()));
    } else {
        ++status_.failed_reloads;
        status_.last_result = result.errors.front();
        spdlog::error("reload: refused, the configuration of generation {} goes on serving",
                      status_.generation);
        for (const auto& error : result.errors) spdlog::error("reload: {}", error);
        events_.add(Event::Kind::reload_refused, "", "", result.errors.front());
    }
    if (!leaving_) notifier_.ready();  // the last word is that it stops
}

asio::awaitable<Control::FilePlanOrErrors> Control::plan(std::string file) {
    Loaded loaded;
    Background::Step load = [&] { loaded = load_config(file); };
    co_await in_background(preparer_, std::move(load));
    if (auto* errors = std::get_if<std::vector<std::string>>(&loaded)) {
        co_return std::move(*errors);
    }
    const conf::Config& next = std::get<ConfigFile>(loaded).config;
    FilePlan result{.plan = {}, .refused = refusal(next), .notes = pools_.layers().notes_on(next)};
    const bool fits = !pools_.layers().refusal(next);  // rings that do not fit are not made
    Background::Step plan = [&result, &next, fits, now = config_, rings = pools_.rings(),
                             drafts = fits ? pools_.drafts_of(next) : std::vector<RingDraft>{}] {
        Plan made;
        if (fits) {
            made = make_plan(now, rings, next, make_rings(drafts));
        } else {
            made.changes = conf::difference(now, next);
        }
        result.plan = to_json(made);
    };
    co_await in_background(preparer_, std::move(plan));
    co_return result;
}

}  // namespace ringway::proxy
