// The process of a simulation: its start, its turns, its end.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>

#include "proxy/admin/commands.h"
#include "proxy/base/access_log.h"
#include "proxy/control/config_file.h"
#include "proxy/control/state_text.h"
#include "tests/simulation/simulation.h"

namespace ringway::simulation {

namespace asio = boost::asio;

Simulation::Simulation(const History& history, const Options& options)
    : history_(history),
      options_(options),
      world_(history.seed),
      configs_(history.seed, {.folder = options.folder}),
      log_(proxy::LogTarget(proxy::Fd(::open("/dev/null", O_WRONLY | O_CLOEXEC)))),
      file_(options.folder + "/ringway.yaml") {
    proxy::stop_logging();  // to nobody
    std::filesystem::remove_all(options.folder);
    std::filesystem::create_directories(options.folder);
    text_ = configs_.valid();
    write_file(text_);
}

Simulation::~Simulation() {
    end_process();
}

void Simulation::run() {
    start();
    for (const Event& event : history_.events) {
        trace(fmt::format("{} {}", done_, to_text({0, {event}}).substr(7)));
        apply(event);
        turn();
        follow_checks();
        note_overrides();
        if (control_->io().stopped()) restart(true);  // it was told to leave, and has ended
        ++done_;
        if (done_ % options_.ask_every == 0) check_laws();
    }
}

void Simulation::trace(const std::string& line) const {
    if (options_.trace) fmt::print("{}{}", line, line.ends_with('\n') ? "" : "\n");
}

// As main() does. A file that is not valid is put right first.
void Simulation::start() {
    if (!is_valid_) write_file(text_);
    is_valid_ = true;
    world_.taken.clear();  // else it would not start
    restore();
    guard_.emplace(control_->io().get_executor());
    holds_ = false;
    checked_.clear();
    rings_.clear();
    like_fresh_.clear();
    reloads_.clear();
    asked_.clear();
    local_signs_.clear();
    log_level_.reset();
    signal_reload_at_.reset();
    reloads_seen_ = 0;
    control_->begin();
    turn();
    note_overrides();  // without those that mean nothing beside the file
}

// A state file that cannot be read is thrown away, as its owner would. What was kept is there.
void Simulation::restore() {
    const proxy::ConfigFile file = *proxy::load_config(file_);
    serving_ = file.config;
    if (state_ != serving_.admin.state) on_disk_.clear();  // whatever was kept there
    state_ = serving_.admin.state;
    for (;;) {
        control_ = std::make_unique<proxy::Control>(file_, file.config, log_, file.fingerprint);
        const auto restored = control_->restore();
        if (restored) break;
        trace("  not started: " + restored.error().text);
        expect(on_disk_.empty(), "kept",
               [&] { return "a state file is refused: " + restored.error().text; });
        end_process();
        std::filesystem::remove(state_);
        on_disk_ = {{}};
    }
    const proxy::Overrides& overrides = control_->pools().layers().overrides();
    const bool keeps = !serving_.admin.state.empty();
    const bool known = on_disk_.empty() || std::ranges::find(on_disk_, overrides) != on_disk_.end();
    expect(keeps ? known : overrides.empty(), "kept", [&] {
        return fmt::format("after a restart the overrides are {}", proxy::state_text(overrides));
    });
    if (!control_->state_file().problem()) on_disk_.clear();
    on_disk_.push_back(overrides);
    model_.restart(serving_, overrides, world_.now());
}

// What the state file may hold: what control calls kept, or whatever it tried to write since.
void Simulation::note_overrides() {
    if (!control_ || serving_.admin.state.empty()) return;
    const proxy::Overrides& now = control_->pools().layers().overrides();
    const bool is_kept = !control_->state_file().problem() && reloads_.empty();
    if (is_kept && !control_->is_leaving()) on_disk_.clear();
    if (on_disk_.empty() || on_disk_.back() != now) on_disk_.push_back(now);
}

// What is not acknowledged is lost with it.
void Simulation::end_process() {
    guard_.reset();
    world_.jobs.clear();
    control_.reset();
    world_.on_signal = nullptr;
}

void Simulation::restart(bool cleanly) {
    if (cleanly && (world_.on_signal || control_->io().stopped())) {
        holds_ = false;
        if (!control_->is_leaving()) world_.on_signal(SIGTERM);
        for (int i = 0; i < 200 && !control_->io().stopped(); ++i) {
            pass_time(std::chrono::milliseconds(500));
            const bool is_long = i == 100 || i == 150;  // the delay, and the drain
            if (is_long && world_.on_signal) world_.on_signal(SIGTERM);
        }
        expect(control_->io().stopped(), "stops", [] { return std::string("it never stopped"); });
        world_.turn_workers();
        const auto ended = control_->end();
        expect(ended.has_value(), "stops", [&] { return "it ended with: " + ended.error().text; });
    }
    end_process();
    world_.mend_disk();
    start();
}

void Simulation::turn() {
    for (bool busy = true; busy && !control_->io().stopped();) {
        busy = control_->io().poll() > 0;
        note_reload_end();
        busy = world_.turn_workers() || busy;
        for (std::size_t i = 0; i < world_.jobs.size(); ++i) {
            if (holds_ && world_.jobs[i].thread == "rings") continue;
            std::swap(world_.jobs[0], world_.jobs[i]);
            run_job();
            busy = true;
            break;
        }
    }
}

void Simulation::run_job() {
    Job job = std::move(world_.jobs.front());
    world_.jobs.pop_front();
    const bool of_preparer = job.thread == "configuration";
    if (of_preparer && !reloads_.empty() && !reloads_.front().adopted) {
        if (reloads_.front().text.empty()) reloads_.front().text = is_valid_ ? text_ : "spoiled";
    }
    job.work();
    if (of_preparer) follow_checks();  // the servers that a reload is about to change
    asio::post(*job.io, std::move(job.then));
    control_->io().poll();
    if (job.thread == "rings") model_.rings_are_ready(world_.now());
    after_job(of_preparer);
}

// A reload that has read its file, and was not refused by then, has changed its pools.
void Simulation::after_job(bool of_preparer) {
    const bool has_begun = of_preparer && !reloads_.empty() && !reloads_.front().adopted;
    if (has_begun) --reloads_.front().jobs;
    const bool ended = control_->config_status().reloads > reloads_seen_;
    const bool ended_well = ended && control_->config_status().last_result == "ok";
    if (has_begun && (ended_well || (!ended && reloads_.front().jobs == 0))) {
        serving_ = parsed(reloads_.front().text);
        reloads_.front().adopted = true;
        model_.reload(serving_, world_.now());
        trace("  taken up");
    }
    note_reload_end();
}

// Of a valid text.
const conf::Config& Simulation::parsed(const std::string& text) {
    if (parsed_.first != text) parsed_ = {text, *conf::parse(text)};
    return parsed_.second;
}

void Simulation::note_reload_end() {
    while (control_->config_status().reloads > reloads_seen_) {
        ++reloads_seen_;
        trace("  reload: " + control_->config_status().last_result);
        if (!reloads_.empty()) reloads_.pop_front();
    }
}

void Simulation::pass_time(Duration by) {
    // In steps: what is due earlier happens earlier. What time alone changes happens in a step of
    // its own, within the tick of 10 ms that alarms share.
    constexpr int steps = 6;
    const TimePoint end = world_.now() + by;
    while (world_.now() < end) {
        TimePoint next = std::min(end, world_.now() + by / steps + std::chrono::nanoseconds(1));
        if (const auto due = model_.next_step(world_.now() - alarm_tick)) {
            const TimePoint alarm = *due + alarm_tick;
            if (alarm > world_.now()) next = std::min(next, alarm);
        }
        // Before the timers of that moment, among them those of checks without an answer: control
        // judges by these answers first.
        if (world_.answer_probes(next)) {
            turn();
            follow_checks();
        }
        world_.move_time(next - world_.now());
        if (signal_reload_at_ && *signal_reload_at_ <= world_.now()) {
            signal_reload_at_.reset();
            if (!control_->is_leaving()) reloads_.push_back({});
        }
        model_.time_passes(world_.now());
        turn();
        follow_checks();
        notice_local_signs();
    }
}

// Control looks at them once a second.
void Simulation::notice_local_signs() {
    for (auto& [pool, sign] : local_signs_) {
        if (sign.is_noticed || world_.now() - sign.at < std::chrono::seconds(1)) continue;
        sign = {world_.now(), true};
    }
}

std::shared_ptr<Simulation::Asked> Simulation::ask(const std::string& line) {
    if (options_.commands != nullptr) options_.commands->insert(line.substr(0, line.find(' ')));
    auto asked = std::make_shared<Asked>(Asked{.line = line});
    asio::co_spawn(control_->io(), proxy::run_command(*control_, line),
                   [this, asked](const std::exception_ptr& error, std::string text) {
                       if (error) std::rethrow_exception(error);
                       asked->done = true;
                       asked->done_at = world_.now();
                       asked->answer = std::move(text);
                   });
    return asked;
}

// Where no ring is held back and no reload is on its way.
boost::json::object Simulation::ask_now(const std::string& line) {
    const auto asked = ask(line);
    turn();
    expect(asked->done, "answers", [&] { return line + " is not answered"; });
    return boost::json::parse(asked->answer).as_object();
}

// Edited in place, as editors do.
void Simulation::write_file(const std::string& text) {
    trace("  the file is\n" + text);
    std::ofstream(file_, std::ios::trunc) << text;
}

}  // namespace ringway::simulation
