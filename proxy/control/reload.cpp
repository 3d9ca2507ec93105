// The way of a configuration, from a file to what serves. What takes time is done beside
// the control thread, which answers questions meanwhile.
#include <algorithm>
#include <chrono>
#include <tuple>
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

// Of the entries that a reload changes.
constexpr std::size_t changes_logged = 100;

// Of pools that a configuration changes in one turn of the loop: a few milliseconds.
constexpr std::size_t servers_per_turn = 1'000;

// For DNS and etcd to answer what has not been asked before.
constexpr std::chrono::seconds sources_wait{8};

constexpr auto* draining_reason = "ringway is draining: nothing can change any more";

}  // namespace

// Whether `next` may serve in place of the present configuration.
Result<void> Control::check(const conf::Config& next) const {
    if (auto runs_on = check_restart(next); !runs_on) return runs_on;
    return pools_.layers().check(next);
}

Result<void> Control::check_restart(const conf::Config& next) const {
    auto fixed = conf::process_difference(config_, next);
    std::erase_if(fixed, [](const conf::Difference& each) { return !each.needs_restart; });
    if (fixed.empty()) return {};
    // The outermost entry: workers before admin's.
    const auto named = std::ranges::min_element(
        fixed, {}, [](const conf::Difference& each) { return std::ranges::count(each.path, '.'); });
    return Reason(fmt::format("{} cannot change while running: restart", named->path));
}

// The one way from a configuration to a running state. What can fail comes first and leaves
// no trace; what follows cannot. Listeners lead to pools whose rings are there. Returns what is
// to be noted of it.
asio::awaitable<Result<std::vector<std::string>>> Control::apply(conf::Config next, TlsFiles tls) {
    DebugSteps steps("configuration");
    if (auto checked = check(next); !checked) co_return checked.error();
    steps.done("nothing in it needs a restart or is too large");
    const TimePoint until = Clock::now() + sources_wait;
    co_await sources_.prepare(next, tls.etcd, pools_.layers().hosts(&next), sources_wait);
    co_await prepare_fleet(next, tls.etcd, until);
    steps.done("DNS and etcd asked");
    if (draining_) co_return Reason(draining_reason);
    auto opened = listeners_.open(next);
    if (!opened) co_return opened.error();
    Result<LogTarget> log_target;
    if (next.log.target != config_.log.target) log_target = open_log_target(next.log.target);
    if (!log_target) co_return log_target.error();

    steps.done(fmt::format("{} addresses opened", opened->size()));
    auto notes = pools_.layers().notes_on(next);
    adopt_fleet(next);
    co_await adopt_pools(next, tls);
    steps.done("pools changed");
    co_await published(nullptr);
    steps.done("rings published");
    if (draining_) co_return Reason(draining_reason);

    listeners_.apply(next, std::move(*opened), pools_, tls.listeners);
    pools_.drop_others(next);
    steps.done("listeners changed");
    set_log_style(log_level_.adopt(next.log));
    if (*log_target) log_.redirect(std::move(*log_target));
    config_ = std::move(next);
    std::ignore = save_overrides();  // which has logged a failure
    if (serving_) co_await workers_follow();
    steps.done("it serves");
    co_return notes;
}

// Pool by pool, with questions answered in between. Nobody else changes servers meanwhile:
// what was found to fit goes on to fit.
asio::awaitable<void> Control::adopt_pools(const conf::Config& next, const TlsFiles& tls) {
    adopting_ = true;
    std::size_t servers = 0;
    for (const conf::Pool& pool : next.pools) {
        const auto found = tls.pools.find(pool.name);
        pools_.apply(pool, found != tls.pools.end() ? found->second : PoolTlsClients{});
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

// Until every worker has carried out all commands so far: then no connection is accepted by
// the configuration before.
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
    std::ignore = co_await reload();  // which has logged a failure
}

asio::awaitable<ReloadResult> Control::reload(double max_moved) {
    co_await take_turn();
    const Turn turn(*this);
    if (leaving_) co_return Reasons{{draining_reason}};
    notifier_.reloading();
    auto result = co_await reload_file(max_moved);
    sources_.adopt(config_, pools_.layers().hosts());
    next_fleet_.reset();  // of what was refused
    report_reload(result);
    co_return result;
}

asio::awaitable<ReloadResult> Control::reload_file(double max_moved) {
    DebugSteps steps("reload");
    Result<ConfigFile, Reasons> loaded;
    std::vector<std::string> changes;
    Background::Step load = [&] {
        loaded = load_config(status_.file);
        if (!loaded) return;
        for (const conf::Difference& each : conf::difference(config_, loaded->config)) {
            changes.push_back(conf::to_string(each));
        }
    };
    co_await in_background(preparer_, std::move(load));
    steps.done("the file is read");
    if (!loaded) co_return loaded.error();
    const auto refused = [this](std::string_view reason) {
        return Reasons{{fmt::format("{}: {}", status_.file, reason)}};
    };
    if (max_moved < 1) {
        if (auto checked = check(loaded->config); !checked) {
            co_return refused(leaving_ ? draining_reason : checked.error().text);
        }
        auto too_many = co_await moves_beyond(loaded->config, max_moved);
        if (!too_many.empty()) {
            if (leaving_) too_many.push_back(refused(draining_reason).lines.front());
            co_return Reasons{std::move(too_many)};
        }
    }
    if (leaving_) co_return refused(draining_reason);
    const auto applied = co_await apply(std::move(loaded->config), std::move(loaded->tls));
    if (!applied) co_return refused(applied.error().text);
    status_.fingerprint = std::move(loaded->fingerprint);
    report_to_fleet_soon();
    changes.insert(changes.end(), applied->begin(), applied->end());
    for (const std::string& warning : loaded->warnings) {
        spdlog::warn("{}", warning);
        changes.push_back("warning: " + warning);
    }
    co_return changes;
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

// All that reports say of a reload changes at once, with its result.
void Control::report_reload(const ReloadResult& result) {
    ++status_.reloads;
    status_.reloaded_at = std::chrono::system_clock::now();
    if (result) {
        ++status_.generation;
        status_.loaded_at = std::chrono::system_clock::now();
        status_.last_result = "ok";
        spdlog::info("reload: ok, generation {}, {} changes, file {}", status_.generation,
                     result->size(), status_.fingerprint);
        for (std::size_t i = 0; i < std::min(result->size(), changes_logged); ++i) {
            spdlog::info("reload: {}", (*result)[i]);
        }
        if (result->size() > changes_logged) {
            spdlog::info("reload: and {} more", result->size() - changes_logged);
        }
        events_.add(Event::Kind::reload, "", "",
                    fmt::format("generation {}, {} changes", status_.generation, result->size()));
    } else {
        const auto reasons = result.error().lines;
        ++status_.failed_reloads;
        status_.last_result = reasons.front();
        spdlog::error("reload: refused, the configuration of generation {} stays in use",
                      status_.generation);
        for (const auto& reason : reasons) spdlog::error("reload: {}", reason);
        events_.add(Event::Kind::reload_refused, "", "", reasons.front());
    }
    if (!leaving_) notifier_.ready();  // the last word is that it stops
}

asio::awaitable<Result<Control::FilePlan, Reasons>> Control::plan(std::string file) {
    Result<ConfigFile, Reasons> loaded;
    Background::Step load = [&] { loaded = load_config(file); };
    co_await in_background(preparer_, std::move(load));
    if (!loaded) co_return loaded.error();
    const conf::Config& next = loaded->config;
    FilePlan result{.plan = {}, .refused = {}, .notes = pools_.layers().notes_on(next)};
    for (std::string& line : sources_.unknown_in(next)) result.notes.push_back(std::move(line));
    if (const auto checked = check(next); !checked) result.refused = checked.error().text;
    const bool fits =
        pools_.layers().check(next).has_value();  // rings that do not fit are not made
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
