#include "proxy/control/control.h"

#include <algorithm>
#include <csignal>
#include <exception>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "proxy/base/access_log.h"

namespace ringway::proxy {

namespace {

// Signals that come within so long of the first are one reload.
constexpr std::chrono::milliseconds reload_delay{20};

// A reload's work stands back for the workers (nice(2)).
constexpr int reload_nice = 10;

// The end of a coroutine that nobody waits for: what it throws ends the loop.
void rethrow(const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
}

// The last part of a drain, in which connections that have not ended are reset one by one:
// a quarter, so that connections about to end by themselves are not cut much too early.
conf::Duration drain_spread(conf::Duration drain_timeout) {
    return std::min<conf::Duration>(drain_timeout / 4, std::chrono::seconds(30));
}

std::vector<std::unique_ptr<Worker>> make_workers(std::uint32_t count, Quota& total,
                                                  const DescriptorBudget& budget,
                                                  EngineChoice& engine) {
    std::vector<std::unique_ptr<Worker>> workers;
    for (std::uint32_t i = 0; i < count; ++i) {
        workers.push_back(std::make_unique<Worker>(i, total, budget.pipes / count, engine.next()));
    }
    return workers;
}

}  // namespace

Control::Control(std::string file, conf::Config config, LogWriter& log, std::string fingerprint,
                 TlsFiles tls)
    : log_(log),
      signals_(io_),
      drain_timer_(io_),
      look_(io_),
      reload_timer_(io_),
      config_(std::move(config)),
      tls_(std::move(tls)),
      log_level_(io_, config_.log.level),
      budget_(claim_descriptors()),
      total_(budget_.connections),
      engine_(config_.engine),
      workers_(make_workers(config_.workers > 0 ? config_.workers : processors_.usable(), total_,
                            budget_, engine_)),
      builder_(io_, "rings", 0),
      preparer_(io_, "configuration", reload_nice),
      sources_(io_, events_, told_by_sources()),
      report_timer_(io_),
      pools_(io_, workers_.size(), events_, builder_, connections(), ServerLayers(elsewhere())),
      listeners_(workers_),
      state_file_(config_.admin.state),
      notifier_(
          io_, workers_, [this] { return summary(); }, NotifySettings::from_environment()),
      loop_delay_(io_) {
    status_.file = std::move(file);
    status_.fingerprint = std::move(fingerprint);
    status_.loaded_at = std::chrono::system_clock::now();
}

Control::~Control() = default;

Pools::Connections Control::connections() {
    return {.evict =
                [this](const Eviction& eviction) {
                    for (const auto& worker : workers_) worker->evict(eviction);
                },
            .cancel_eviction =
                [this](const Eviction& eviction) {
                    for (const auto& worker : workers_) worker->cancel_eviction(eviction);
                },
            .published = [this](const std::string&) { report_to_fleet_soon(); }};
}

std::chrono::seconds Control::uptime() const {
    return std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - started_at_);
}

namespace {

bool has_server(const Pool& pool) {
    const auto serving = pool.ring->snapshot();
    return std::ranges::any_of(serving->members(), [](const ring::Member& each) {
        return each.status == ring::Status::online && each.weight > 0;
    });
}

// Of a pool and its fallbacks the first that has a server; nullptr for none.
const Pool* serving(const Pools& pools, const Pool& first) {
    for (const Pool* pool = &first; pool != nullptr; pool = pools.find(pool->settings.fallback)) {
        if (has_server(*pool)) return pool;
    }
    return nullptr;
}

}  // namespace

std::optional<std::string> Control::why_not_ready() const {
    if (draining_) return "draining";
    if (leaving_) return "about to drain";
    if (!serving_) return "not serving yet";
    const auto lacks = [&](const std::string& name) -> std::optional<std::string> {
        const Pool* const pool = serving(pools_, *pools_.find(name));
        if (pool == nullptr) return fmt::format("pool {} has no server online", name);
        if (const auto fault = pool->local.cause(pool->settings)) {
            return fmt::format("pool {}: no connection can leave this machine: {}", name, *fault);
        }
        return std::nullopt;
    };
    if (config_.admin.ready) {
        for (const std::string& name : *config_.admin.ready) {
            if (auto reason = lacks(name)) return reason;
        }
        return std::nullopt;
    }
    std::set<std::string_view> asked;  // many routes may lead to one pool
    for (const auto& [name, listener] : listeners_.all()) {
        for (const conf::ListenerRoute& route : listener.settings.routes) {
            if (!asked.insert(route.pool).second) continue;
            if (auto reason = lacks(route.pool)) return reason;
        }
    }
    return std::nullopt;
}

std::string Control::summary() const {
    std::size_t online = 0;
    std::size_t all = 0;
    for (const auto& [name, pool] : pools_.all()) {
        all += pool.servers.size();
        online += pool.online();
    }
    return fmt::format("{}: generation {}, {} listeners, {} of {} servers online{}",
                       draining_  ? "draining"
                       : leaving_ ? "about to drain"
                                  : "serving",
                       status_.generation, config_.listeners.size(), online, all,
                       status_.last_result == "ok" ? "" : "; the last reload was refused");
}

Result<void> Control::run() {
    begin();
    io_.run();
    return end();
}

void Control::begin() {
    signals_.listen([this](int signal) { on_signal(signal); });
    boost::asio::co_spawn(io_, start(), rethrow);
}

Result<void> Control::end() {
    for (const auto& worker : workers_) worker->join();
    return std::move(started_);
}

// The first configuration goes the way of all others; questions and signals are answered
// meanwhile.
boost::asio::awaitable<void> Control::start() {
    const Turn turn(*this);
    const auto applied = co_await apply(config_, std::move(tls_));
    sources_.adopt(config_, pools_.layers().hosts());
    if (!applied) started_ = applied.error();
    if (draining_) co_return;
    if (!applied) co_return stop();
    for (const std::string& note : *applied) spdlog::info("{}", note);
    for (const auto& worker : workers_) worker->run();
    loop_delay_.start();
    pools_.watch_local_faults();
    look_at_sources();
    serving_ = true;
    spdlog::info("{} workers{}: {}", workers_.size(), config_.workers > 0 ? "" : " (auto)",
                 processors_.to_string());
    const auto engine = engine_.status(workers_);
    spdlog::info("engine {}{}", engine.name(), engine.reason ? ": " + *engine.reason : "");
    spdlog::info("{} descriptors allow {} connections at once", budget_.limit, budget_.connections);
    spdlog::info("ready: {} listeners, {} pools, {} workers", config_.listeners.size(),
                 config_.pools.size(), workers_.size());
    notifier_.ready();
}

Result<void> Control::restore() {
    const auto refused = [](const Reason& reason) {
        return Reason("run-time overrides: " + reason.text);
    };
    if (const auto locked = state_file_.lock(); !locked) return refused(locked.error());
    auto loaded = state_file_.load();
    if (!loaded) return refused(loaded.error());
    pools_.set_overrides(std::move(*loaded));
    return {};
}

Result<void> Control::save_overrides() {
    auto kept = state_file_.keep(pools_.layers().overrides());
    if (!kept && !state_file_.path().empty()) {
        spdlog::error("run-time overrides are not kept: {}", kept.error().text);
    }
    return kept;
}

void Control::on_signal(int signal) {
    if (signal == SIGUSR1) return reopen_log();
    if (signal != SIGHUP) {
        spdlog::info("signal {}: {}", signal,
                     draining_                                      ? "stopping at once"
                     : leaving_ || config_.drain_delay.count() == 0 ? "draining"
                                                                    : "not ready any more");
        return draining_ ? stop() : leaving_ ? drain() : leave();
    }
    if (leaving_ || std::exchange(reload_wanted_, true)) return;
    // The file is read after all the signals that came until then: the last file wins.
    reload_timer_.expires_after(reload_delay);
    reload_timer_.async_wait([this](const boost::system::error_code& error) {
        reload_wanted_ = false;
        if (!error && !leaving_) boost::asio::co_spawn(io_, reload_by_signal(), rethrow);
    });
}

// After logrotate(8) has moved the file away, or a syslog daemon its socket.
void Control::reopen_log() {
    const std::string& target = config_.log.target;
    if (target == "stderr" || target == "stdout") {
        spdlog::info("log: {} is not a file that can be reopened", target);
        return;
    }
    auto opened = open_log_target(target);
    if (!opened) {
        spdlog::error("log: not reopened, the old target stays in use: {}", opened.error().text);
        return;
    }
    log_.redirect(std::move(*opened));
    spdlog::info("log: reopened");
}

// Lets balancers in front see for drain_delay that clients should go elsewhere.
void Control::leave() {
    leaving_ = true;
    if (!serving_) {  // nobody has been let in yet
        draining_ = true;
        return stop();
    }
    const auto delay = config_.drain_delay;
    if (delay.count() == 0) return drain();
    spdlog::info("draining in {} ms", delay.count());
    events_.add(Event::Kind::draining, "", "", fmt::format("in {} ms", delay.count()));
    notifier_.stopping(delay + config_.drain_timeout);
    drain_timer_.expires_after(delay);
    drain_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error || draining_) return;
        spdlog::info("drain_delay has passed: draining");
        drain();
    });
}

// Stops accepting; connections in progress have drain_timeout to end.
void Control::drain() {
    draining_ = true;
    events_.add(Event::Kind::draining, "", "", "");
    notifier_.stopping(config_.drain_timeout);
    pools_.stop();
    sources_.stop();
    look_.cancel();
    report_timer_.cancel();
    if (fleet_) boost::asio::co_spawn(io_, leave_fleet(fleet_, nullptr), boost::asio::detached);
    listeners_.remove_socket_files();
    busy_workers_ = workers_.size();
    for (const auto& worker : workers_) {
        worker->drain([this] {
            boost::asio::post(io_, [this] {
                if (--busy_workers_ == 0) stop();
            });
        });
    }
    const auto spread = drain_spread(config_.drain_timeout);
    drain_timer_.expires_after(config_.drain_timeout - spread);
    drain_timer_.async_wait([this, spread](const boost::system::error_code& error) {
        if (!error) end_drain(spread);
    });
}

// Resets what is left one by one, so that not all clients connect anew in one instant.
void Control::end_drain(Clock::duration over) {
    spdlog::warn("drain_timeout: connections in progress are reset within {} ms",
                 std::chrono::duration_cast<std::chrono::milliseconds>(over).count());
    for (const auto& worker : workers_) worker->evict({nullptr, CloseReason::shutdown, over});
    drain_timer_.expires_after(over);
    drain_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) stop();
    });
}

void Control::stop() {
    for (const auto& worker : workers_) worker->stop();
    drain_timer_.cancel();
    look_.cancel();
    report_timer_.cancel();
    reload_timer_.cancel();
    signals_.close();
    io_.stop();
}

}  // namespace ringway::proxy
