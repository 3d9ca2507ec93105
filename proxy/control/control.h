// The control thread: owns the configuration, the pools, the listeners and the
// workers, and is the only one that changes them. Everything here runs on the
// thread that calls run().
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/object.hpp>

#include "conf/config.h"
#include "conf/result.h"
#include "proxy/base/log.h"
#include "proxy/base/log_level.h"
#include "proxy/base/loop_delay.h"
#include "proxy/control/background.h"
#include "proxy/control/background_thread.h"
#include "proxy/control/descriptors.h"
#include "proxy/control/engine.h"
#include "proxy/control/events.h"
#include "proxy/control/fleet.h"
#include "proxy/control/listeners.h"
#include "proxy/control/notify.h"
#include "proxy/control/plan.h"
#include "proxy/control/pools.h"
#include "proxy/control/processors.h"
#include "proxy/control/signals.h"
#include "proxy/control/sources.h"
#include "proxy/control/state_file.h"
#include "proxy/data/quota.h"
#include "proxy/data/worker.h"

namespace ringway::proxy {

// How a reload ended: with what it changed, a line each, or with why it changed nothing.
using ReloadResult = Result<std::vector<std::string>, Reasons>;

// The present configuration, for reports.
struct ConfigStatus {
    std::string file;
    std::string fingerprint;  // of the bytes that serve, SHA-256 in hexadecimal; empty if unknown
    std::chrono::system_clock::time_point loaded_at;  // of the configuration that serves
    std::optional<std::chrono::system_clock::time_point> reloaded_at;  // the last try, well or not
    std::string last_result = "ok";  // or the first error of the last reload
    std::uint64_t generation = 1;    // configurations that have served
    std::uint64_t reloads = 0;       // that were asked for
    std::uint64_t failed_reloads = 0;
};

class Control {
public:
    // `config` is what `file` says now, `fingerprint` that of its bytes, `tls` from its files.
    Control(std::string file, conf::Config config, LogWriter& log, std::string fingerprint = "",
            TlsFiles tls = {});
    ~Control();
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;

    // Takes up what the state file keeps, and holds the file from now on. Fails for a file that
    // cannot be understood: it is left as it is, and nothing may begin without it.
    Result<void> restore();

    // Serves, after restore(), until a signal ends it, which may be pending already. Fails where
    // it could not begin. The thread has called block_signals().
    Result<void> run();
    // The same for who turns the loop: run() is begin(), the loop until it stops, and end().
    void begin();
    Result<void> end();

    // The loop that run() turns: who else is on it is served meanwhile.
    boost::asio::io_context& io() { return io_; }
    const conf::Config& config() const { return config_; }
    std::size_t http_clients() const { return budget_.http_clients; }  // at most at once

    // Reads the file again: all of it serves, or nothing has changed. Refused too where a
    // pool or a listener would move more than `max_moved` (0 to 1) of its keys. One at a
    // time, in the order of the calls; others are served meanwhile.
    boost::asio::awaitable<ReloadResult> reload(double max_moved = 1);

    // What a reload of `file` would do now. Fails with the errors of a file that is not valid.
    struct FilePlan {
        boost::json::object plan;            // to_json(Plan)
        std::optional<std::string> refused;  // why a reload would refuse it
        std::vector<std::string> notes;      // what the file says, and run time says otherwise
    };
    // Returns when all that was asked of a pool until now serves, or of all where `pool` is
    // nullptr.
    boost::asio::awaitable<void> published(const std::string* pool);
    // Returns when servers may be changed and asked for: not while the proxy starts, nor while
    // a configuration changes its pools.
    boost::asio::awaitable<void> may_change();

    boost::asio::awaitable<Result<FilePlan, Reasons>> plan(std::string file);

    // Turns the loop until `step` has its result: for who does not run().
    template <class Result>
    Result finish(boost::asio::awaitable<Result> step) {
        auto result = boost::asio::co_spawn(io_, std::move(step), boost::asio::use_future);
        while (result.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
            io_.restart();
            io_.run_one();
        }
        return result.get();
    }

    // Has the state file hold the run-time overrides. A failure is logged.
    Result<void> save_overrides();
    const StateFile& state_file() const { return state_file_; }

    Sources& sources() { return sources_; }
    const Sources& sources() const { return sources_; }
    // nullptr: this proxy goes by itself. Who waits for it keeps it.
    const std::shared_ptr<Fleet>& fleet() const { return fleet_; }
    Pools& pools() { return pools_; }
    const Pools& pools() const { return pools_; }
    const Listeners& listeners() const { return listeners_; }
    const ConfigStatus& config_status() const { return status_; }
    std::size_t worker_count() const { return workers_.size(); }
    EngineChoice::Status engine() const { return engine_.status(workers_); }
    const Processors& usable_processors() const { return processors_; }
    std::uint64_t max_connections() const { return budget_.connections; }
    std::chrono::seconds uptime() const;
    std::chrono::system_clock::time_point started_at() const { return started_at_by_wall_; }
    const Worker& worker(std::size_t index) const { return *workers_[index]; }
    const Histogram<delay_bounds_us>& loop_delays() const { return loop_delay_.delays(); }
    LogLevel& log_level() { return log_level_; }
    const LogLevel& log_level() const { return log_level_; }
    std::uint64_t log_lines_dropped() const { return log_.dropped(); }
    const Events& events() const { return events_; }
    // Whether a signal has come that ends it.
    bool is_leaving() const { return leaving_; }
    // Why no client should be sent here now; nothing where all is well.
    std::optional<std::string> why_not_ready() const;
    // How it is doing, in a line.
    std::string summary() const;

private:
    // Whether a configuration is on its way to serve, and who waits for that to end.
    struct Turns {
        explicit Turns(boost::asio::io_context& io)
            : ended(io, boost::asio::steady_timer::time_point::max()) {}
        bool taken = false;
        boost::asio::steady_timer ended;  // is cancelled each time
    };

    // Held while a configuration is on its way to serve. A coroutine that has not ended goes
    // with the loop, after all else of Control.
    class Turn {
    public:
        explicit Turn(Control& control) : turns_(control.turns_) { turns_->taken = true; }
        ~Turn() {
            turns_->taken = false;
            turns_->ended.cancel();
        }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

    private:
        const std::shared_ptr<Turns> turns_;
    };

    Result<void> check(const conf::Config& next) const;
    Result<void> check_restart(const conf::Config& next) const;
    boost::asio::awaitable<void> start();
    boost::asio::awaitable<void> reload_by_signal();
    boost::asio::awaitable<ReloadResult> reload_file(double max_moved);
    boost::asio::awaitable<void> take_turn();
    boost::asio::awaitable<void> adopt_pools(const conf::Config& next, const TlsFiles& tls);
    boost::asio::awaitable<void> workers_follow();
    boost::asio::awaitable<Result<std::vector<std::string>>> apply(conf::Config next, TlsFiles tls);
    boost::asio::awaitable<std::vector<std::string>> moves_beyond(const conf::Config& next,
                                                                  double max_moved);
    void report_reload(const ReloadResult& result);
    Pools::Connections connections();
    Sources::Told told_by_sources();
    ServerLayers::Elsewhere elsewhere();
    void take_named(const std::string& pool, ServerSource source,
                    const std::vector<std::string>* ids);
    void want_hosts_soon();
    void look_at_sources();
    boost::asio::awaitable<void> prepare_fleet(const conf::Config& next, const EtcdTlsClients& tls,
                                               TimePoint until);
    void adopt_fleet(const conf::Config& next);
    static boost::asio::awaitable<void> leave_fleet(std::shared_ptr<Fleet> fleet,
                                                    std::shared_ptr<Fleet> next);
    Pools::FleetHealth fleet_health();
    void report_to_fleet_soon();
    void report_to_fleet();
    void on_signal(int signal);
    void reopen_log();
    void leave();
    void drain();
    void end_drain(Clock::duration over);
    void stop();

    LogWriter& log_;
    boost::asio::io_context io_{1};
    Signals signals_;
    boost::asio::steady_timer drain_timer_;   // of the drain, and of the delay before it
    boost::asio::steady_timer look_;          // at sources
    boost::asio::steady_timer reload_timer_;  // runs from a SIGHUP to the reload that it asks for
    const std::shared_ptr<Turns> turns_ = std::make_shared<Turns>(io_);
    conf::Config config_;
    TlsFiles tls_;  // at the start
    LogLevel log_level_;
    const DescriptorBudget budget_;
    const Processors processors_ = processors();
    Quota total_;  // of all listeners
    EngineChoice engine_;
    std::vector<std::unique_ptr<Worker>> workers_;
    Events events_;
    BackgroundThread builder_;   // of rings
    BackgroundThread preparer_;  // of configurations and plans
    Sources sources_;
    std::shared_ptr<Fleet> fleet_;
    std::shared_ptr<Fleet> next_fleet_;  // prepared
    boost::asio::steady_timer report_timer_;
    bool reports_soon_ = false;
    std::string settings_fingerprint_;  // where there is a fleet
    Pools pools_;
    Listeners listeners_;
    StateFile state_file_;
    Notifier notifier_;
    ConfigStatus status_;
    LoopDelay loop_delay_;
    const TimePoint started_at_ = Clock::now();
    const std::chrono::system_clock::time_point started_at_by_wall_ =
        std::chrono::system_clock::now();
    std::size_t busy_workers_ = 0;  // that still have connections while draining
    Result<void> started_;          // a failure where it could not begin
    bool wants_hosts_ = false;      // at the end of this turn
    bool adopting_ = false;         // a configuration changes pools, one after another
    bool serving_ = false;
    bool leaving_ = false;  // a signal came that ends it; accepting goes on until draining_
    bool draining_ = false;
    bool reload_wanted_ = false;
};

}  // namespace ringway::proxy
