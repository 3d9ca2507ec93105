// A worker's loop: the events of descriptors, deadlines, and the commands of other threads, with
// one system call per wake-up.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/fd.h"
#include "proxy/base/histogram.h"
#include "proxy/net/poller.h"
#include "proxy/net/timers.h"

namespace ringway::proxy {

class Loop {
public:
    // `after_round` runs after the handlers of a round and after each command: the place to free
    // what they closed.
    // `batch`: see Poller. Throws std::system_error if there are no descriptors.
    explicit Loop(std::function<void()> after_round, std::unique_ptr<Batch> batch = nullptr);
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Any thread: `command` is run on the loop's thread, after those before it.
    void post(std::function<void()> command);

    // Loop's thread only from here on, but for delays().

    // Runs rounds until stop().
    void run();
    // The round in hand is the last; commands that it does not run are dropped.
    void stop() { stopped_ = true; }

    // One round: waits until `limit` at most, calls the handlers of events, then those of
    // deadlines, then runs commands.
    void run_round(TimePoint limit = TimePoint::max());

    Poller& poller() { return poller_; }
    const Poller& poller() const { return poller_; }
    Timers& timers() { return timers_; }

    // Any thread: how late a timer was served, measured five times a second.
    const Histogram<delay_bounds_us>& delays() const { return delay_probe_.delays; }

private:
    // Told by an eventfd(2) that there are commands.
    class Bell final : public PollHandler {
    public:
        Bell();
        void ring();
        void on_ready(std::uint32_t events) override;

        Fd fd;
        bool rang = false;  // in this round
    };

    // Sets itself again and again.
    class DelayProbe final : public Timer {
    public:
        explicit DelayProbe(Timers& timers);
        void on_deadline() override;

        Histogram<delay_bounds_us> delays;

    private:
        void set(TimePoint now);

        Timers& timers_;
        TimePoint due_;
    };

    void run_commands();

    const std::function<void()> after_round_;
    Poller poller_;
    Timers timers_;
    DelayProbe delay_probe_{timers_};
    Bell bell_;
    bool stopped_ = false;

    std::mutex mutex_;
    std::vector<std::function<void()>> commands_;  // guarded by mutex_
};

}  // namespace ringway::proxy
