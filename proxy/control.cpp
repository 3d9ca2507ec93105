#include "proxy/control.h"

#include <algorithm>
#include <csignal>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

#include "proxy/access_log.h"
#include "proxy/commands.h"
#include "proxy/config_file.h"
#include "proxy/http_answers.h"

namespace ringway::proxy {

namespace {

// Signals that come within so long of the first are one reload.
constexpr std::chrono::milliseconds reload_delay{20};

std::vector<std::unique_ptr<Worker>> make_workers(std::uint32_t wanted, Quota& total,
                                                  const DescriptorBudget& budget) {
    const auto count = wanted > 0 ? wanted : std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::unique_ptr<Worker>> workers;
    for (std::uint32_t i = 0; i < count; ++i) {
        workers.push_back(std::make_unique<Worker>(i, total, budget.pipes / count));
    }
    return workers;
}

// Lives as long as the workers.
Pools::Connections connections_of(const std::vector<std::unique_ptr<Worker>>& workers) {
    return {.depart =
                [&workers](const Cut& cut) {
                    for (const auto& worker : workers) worker->depart(cut);
                },
            .spare =
                [&workers](const auto& server) {
                    for (const auto& worker : workers) worker->spare(server);
                }};
}

}  // namespace

Control::Control(std::string file, conf::Config config, LogWriter& log, std::string fingerprint)
    : log_(log),
      signals_(io_, SIGHUP, SIGINT, SIGTERM),
      drain_timer_(io_),
      reload_timer_(io_),
      config_(std::move(config)),
      budget_(claim_descriptors()),
      total_(budget_.connections),
      workers_(make_workers(config_.workers, total_, budget_)),
      pools_(io_, workers_.size(), events_, connections_of(workers_)),
      listeners_(workers_),
      state_file_(config_.admin.state),
      admin_(io_, [this](const std::string& line) { return run_command(*this, line); }, {}),
      http_(io_, [this](std::string_view target) { return answer_http(*this, target); },
            {.clients = budget_.http_clients}),
      notifier_(
          io_, workers_, [this] { return summary(); }, NotifyWishes::from_environment()),
      loop_delay_(io_) {
    signals_.add(SIGUSR1);
    status_.file = std::move(file);
    status_.fingerprint = std::move(fingerprint);
    status_.loaded_at = std::chrono::system_clock::now();
}

Control::~Control() = default;

std::chrono::seconds Control::uptime() const {
    return std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - started_at_);
}

std::optional<std::string> Control::why_not_ready() const {
    if (draining_) return "draining";
    if (!serving_) return "not serving yet";
    for (const auto& [name, listener] : listeners_.all()) {
        const Pool& pool = *pools_.find(listener.settings.pool);
        const bool serves = std::ranges::any_of(pool.servers, [](const auto& entry) {
            return entry.second.online && entry.second.weight > 0;
        });
        if (!serves) return fmt::format("pool {} has no server online", listener.settings.pool);
        if (const auto fault = pools_.local_fault(pool)) {
            return fmt::format("pool {}: no connection can leave this machine: {}",
                               listener.settings.pool, *fault);
        }
    }
    return std::nullopt;
}

std::string Control::summary() const {
    std::size_t online = 0;
    std::size_t all = 0;
    for (const auto& [name, pool] : pools_.all()) {
        all += pool.servers.size();
        for (const auto& [id, server] : pool.servers) online += server.online ? 1 : 0;
    }
    return fmt::format("{}: generation {}, {} listeners, {} of {} servers online{}",
                       draining_ ? "draining" : "serving", status_.generation,
                       config_.listeners.size(), online, all,
                       status_.last_result == "ok" ? "" : "; the last reload was refused");
}

std::optional<std::string> Control::run() {
    if (!config_.admin.socket.empty()) {
        if (auto reason = admin_.open(config_.admin.socket)) return reason;
    }
    if (config_.admin.http) {
        if (auto reason = http_.open(*config_.admin.http)) return reason;
    }
    if (auto reason = remember()) return reason;
    std::vector<std::string> changes;
    if (auto reason = apply(config_, changes)) return reason;
    for (const auto& worker : workers_) worker->run();
    await_signal();
    loop_delay_.start();
    pools_.watch_local_faults();
    serving_ = true;
    spdlog::info("{} descriptors allow {} connections at once", budget_.limit, budget_.connections);
    spdlog::info("ready: {} listeners, {} pools, {} workers", config_.listeners.size(),
                 config_.pools.size(), workers_.size());
    notifier_.ready();
    io_.run();
    for (const auto& worker : workers_) worker->join();
    return std::nullopt;
}

// Takes up what was said before the start. A file that cannot be understood is left as
// it is, and nothing begins without it: what it holds must not be lost.
std::optional<std::string> Control::remember() {
    auto loaded = state_file_.load();
    if (auto* reason = std::get_if<std::string>(&loaded)) {
        return "what was said of servers at run time: " + *reason;
    }
    pools_.set_said(std::move(std::get<SaidOfAll>(loaded)));
    return std::nullopt;
}

std::optional<std::string> Control::keep_said() {
    auto reason = state_file_.keep(pools_.said());
    if (reason && !state_file_.path().empty()) {
        spdlog::error("what was said of servers at run time is not kept: {}", *reason);
    }
    return reason;
}

std::optional<std::string> Control::refusal(const conf::Config& next) const {
    if (auto reason = needs_restart(next)) return reason;
    return pools_.refusal(next);
}

// The one way from a configuration to a running state. What can fail comes
// first and leaves no trace; what follows cannot.
std::optional<std::string> Control::apply(conf::Config next, std::vector<std::string>& changes) {
    if (auto reason = refusal(next)) return reason;
    std::optional<std::string> reason;
    OpenedSockets opened = listeners_.open(next, reason);
    if (reason) return reason;
    std::variant<Fd, std::string> log_target;
    if (next.log.target != config_.log.target) log_target = open_log_target(next.log.target);
    if (auto* error = std::get_if<std::string>(&log_target)) return std::move(*error);

    changes = pools_.apply(next);
    for (std::string& change : listeners_.apply(next, std::move(opened), pools_)) {
        changes.push_back(std::move(change));
    }
    set_log_style(next.log);
    if (auto& target = std::get<Fd>(log_target)) log_.redirect(std::move(target));
    config_ = std::move(next);
    keep_said();
    return std::nullopt;
}

std::optional<std::string> Control::needs_restart(const conf::Config& next) const {
    if (next.workers != config_.workers) return "workers cannot change while running: restart";
    if (next.admin != config_.admin) return "admin cannot change while running: restart";
    return std::nullopt;
}

ReloadResult Control::reload(double max_moved) {
    ReloadResult result;
    if (draining_) {
        result.errors = {"ringway is draining: nothing can change any more"};
        return result;
    }
    ++status_.reloads;
    notifier_.reloading();
    status_.reloaded_at = std::chrono::system_clock::now();
    auto loaded = load_config(status_.file);
    if (auto* errors = std::get_if<std::vector<std::string>>(&loaded)) {
        result.errors = std::move(*errors);
    } else {
        auto& [next, fingerprint] = std::get<ConfigFile>(loaded);
        auto reason = max_moved < 1 ? refusal(next) : std::nullopt;
        if (max_moved < 1 && !reason) {
            result.errors = beyond(
                make_plan(config_, pools_.rings(), next, pools_.rings_after(next)), max_moved);
        }
        if (!reason && result.errors.empty()) reason = apply(std::move(next), result.changes);
        if (reason) result.errors.push_back(fmt::format("{}: {}", status_.file, *reason));
        if (result.errors.empty()) status_.fingerprint = std::move(fingerprint);
    }
    result.ok = result.errors.empty();
    report_reload(result);
    return result;
}

void Control::report_reload(const ReloadResult& result) {
    if (result.ok) {
        ++status_.generation;
        status_.loaded_at = std::chrono::system_clock::now();
        status_.last_result = "ok";
        spdlog::info("reload: ok, generation {}, {} changes, file {}", status_.generation,
                     result.changes.size(), status_.fingerprint);
        for (const auto& change : result.changes) spdlog::info("reload: {}", change);
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
    notifier_.ready();
}

std::variant<Control::FilePlan, std::vector<std::string>> Control::plan(
    const std::string& file) const {
    auto loaded = load_config(file);
    if (auto* errors = std::get_if<std::vector<std::string>>(&loaded)) return std::move(*errors);
    const conf::Config& next = std::get<ConfigFile>(loaded).config;
    FilePlan result{.refused = refusal(next), .notes = pools_.notes_on(next)};
    if (pools_.refusal(next)) {
        result.plan.changes =
            conf::difference(config_, next);  // rings that do not fit are not made
    } else {
        result.plan = make_plan(config_, pools_.rings(), next, pools_.rings_after(next));
    }
    return result;
}

void Control::await_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
        if (error) return;
        on_signal(signal);
        await_signal();
    });
}

void Control::on_signal(int signal) {
    if (signal == SIGUSR1) return reopen_log();
    if (signal != SIGHUP) {
        spdlog::info("signal {}: {}", signal, draining_ ? "stopping at once" : "draining");
        return draining_ ? stop() : drain();
    }
    if (draining_ || std::exchange(reload_wanted_, true)) return;
    // The file is read after all the signals that came until then: the last file wins.
    reload_timer_.expires_after(reload_delay);
    reload_timer_.async_wait([this](const boost::system::error_code& error) {
        reload_wanted_ = false;
        if (!error && !draining_) reload();
    });
}

// After logrotate(8) has moved the file away.
void Control::reopen_log() {
    const std::string& target = config_.log.target;
    if (!target.starts_with('/')) {
        spdlog::info("log: {} is no file that could be opened again", target);
        return;
    }
    auto opened = open_log_target(target);
    if (const auto* error = std::get_if<std::string>(&opened)) {
        spdlog::error("log: not opened again, it goes on as it was: {}", *error);
        return;
    }
    log_.redirect(std::move(std::get<Fd>(opened)));
    spdlog::info("log: opened again");
}

// Stops accepting; connections in progress have drain_timeout to end.
void Control::drain() {
    draining_ = true;
    events_.add(Event::Kind::draining, "", "", "");
    notifier_.stopping(config_.drain_timeout);
    pools_.stop();
    listeners_.remove_socket_files();
    busy_workers_ = workers_.size();
    for (const auto& worker : workers_) {
        worker->drain([this] {
            boost::asio::post(io_, [this] {
                if (--busy_workers_ == 0) stop();
            });
        });
    }
    drain_timer_.expires_after(config_.drain_timeout);
    drain_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        spdlog::warn("drain_timeout has passed: connections in progress are reset");
        stop();
    });
}

void Control::stop() {
    for (const auto& worker : workers_) worker->stop();
    admin_.close();
    http_.close();
    drain_timer_.cancel();
    reload_timer_.cancel();
    signals_.cancel();
    io_.stop();
}

}  // namespace ringway::proxy
