// Runs a history against the real control side on a World, asks every question after each
// event, and holds what it finds to the laws.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/json/object.hpp>

#include "proxy/base/log.h"
#include "proxy/control/control.h"
#include "tests/simulation/history.h"
#include "tests/simulation/model.h"
#include "tests/simulation/questions.h"
#include "tests/simulation/random_config.h"
#include "tests/simulation/violation.h"
#include "tests/simulation/world.h"

namespace ringway::simulation {

// Alarms share a tick: a time-out or a step of a slow start that is due may be so late.
constexpr std::chrono::milliseconds alarm_tick{10};

struct Options {
    std::string folder;         // for the file, the state file and sockets; emptied
    std::size_t ask_every = 1;  // events between two rounds of questions
    bool trace = false;         // prints each event, and what it did
    // Collects the commands that were given.
    std::set<std::string>* commands = nullptr;
};

class Simulation {
public:
    Simulation(const History& history, const Options& options);
    ~Simulation();

    // Throws the Violation of the first law that is broken.
    void run();
    // How many events of the history have been run.
    std::size_t done() const { return done_; }

private:
    // A reload on its way: asked for, its file read, its pools changed, reported.
    struct Reload {
        int jobs = 1;      // of the preparer, until it changes pools
        std::string text;  // of the file, as it was read
        bool adopted = false;
    };
    // A command, what the model says of it, and its answer once there is one.
    struct Asked {
        std::string line;
        bool asks = false;                       // and changes nothing
        std::optional<bool> is_accepted = true;  // nothing where it may be either
        bool done = false;
        TimePoint done_at;
        std::string answer;
    };

    // The process (process.cpp).
    void start();
    void end_process();
    void restart(bool cleanly);
    void restore();
    void turn();
    void run_job();
    void after_job(bool of_preparer);
    const conf::Config& parsed(const std::string& text);
    void note_reload_end();
    void note_overrides();
    void pass_time(Duration by);
    void notice_local_signs();
    std::shared_ptr<Asked> ask(const std::string& line);
    boost::json::object ask_now(const std::string& line);

    // Events (events.cpp).
    void apply(const Event& event);
    void write_file(const std::string& text);
    void reload(Random& random);
    void edit(Random& random);
    void plan(Random& random);
    void command(Random& random);
    std::pair<std::string, bool> change(Random& random);
    std::pair<std::string, bool> registration(Random& random, const std::string& pool);
    void set_log_level(Random& random);
    void check_answers();
    void check_answer_of(const Asked& asked, const boost::json::object& answer);
    void open(Random& random);
    void close(Random& random);
    void fail(Random& random);
    void served(const std::string& pool, const ring::Member& member, bool with_bytes,
                proxy::ServerSlot& slot);
    void change_peer(Random& random);
    void damage_state(Random& random);
    const std::string& any_pool(Random& random) const;
    std::string any_server(const std::string& pool, Random& random) const;

    // Events that ask (asks.cpp).
    void question(Random& random);
    void mistake(Random& random);
    void page(Random& random);
    void fail_to_dial(Random& random);

    // Laws (laws.cpp).
    bool is_quiet() const;
    void follow_checks();
    void check_laws();
    void check_servers();
    void check_fresh(const std::string& pool);
    void check_moves();
    void check_readiness(const std::map<std::string, Model::Servers>& expected) const;
    void check_local_faults() const;
    void check_log_level() const;
    void trace(const std::string& line) const;

    const History& history_;
    const Options options_;
    World world_;
    RandomConfig configs_;
    proxy::LogWriter log_;
    std::string file_;
    std::string state_;                            // the path of the state file; empty for none
    std::string text_;                             // of the last valid file, and
    bool is_valid_ = true;                         // whether it is there now
    conf::Config serving_;                         // as far as it has changed pools
    std::pair<std::string, conf::Config> parsed_;  // the last text that was
    Model model_;
    std::unique_ptr<proxy::Control> control_;
    std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> guard_;
    std::vector<std::shared_ptr<Asked>> asked_;  // and not answered yet
    std::deque<Reload> reloads_;
    std::uint64_t reloads_seen_ = 0;
    bool holds_ = false;                         // rings are not made
    std::optional<TimePoint> signal_reload_at_;  // a SIGHUP waits until then for more of them
    std::vector<proxy::Overrides> on_disk_;      // what the state file may hold now
    // Of each checked server, what its checks had found when it was last looked at.
    std::map<std::pair<std::string, std::string>, std::pair<std::uint64_t, std::uint64_t>> checked_;
    using Snapshots = std::map<std::string, std::shared_ptr<const ring::Snapshot>>;
    Snapshots rings_;       // as last looked at
    Snapshots like_fresh_;  // that were found to be what a new process would have
    // The last dial or check of each pool that failed on this machine, from when control may know.
    struct LocalSign {
        TimePoint at;
        bool is_noticed = false;
    };
    std::map<std::string, LocalSign> local_signs_;
    // The level of the log that was set at run time, if any, and until when.
    struct LogLevel {
        std::string name;
        std::optional<TimePoint> until;
    };
    std::optional<LogLevel> log_level_;
    MetricsReader metrics_;
    std::size_t done_ = 0;
};

}  // namespace ringway::simulation
