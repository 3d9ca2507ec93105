// The kernel under a simulated worker: its clock, what is to happen and when, descriptors, epoll
// sets, event and timer descriptors. The files calls_*.cpp and seam_*.cpp hand it the calls of the
// real code at link time. One Kernel at a time, one thread.
//
// Simulated as Linux 6 does it: descriptors are the lowest free ones; a set returns what is ready
// when it is asked, edges that are due at once are one event, and no edge is lost (epoll(7)). Made
// worse by chance: a call takes time, in which the rest of the machine goes on; an edge may be
// late or without a cause; sockets overtake each other; the thread may not run for a while.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/clock.h"
#include "tests/simulation/random_source.h"
#include "tests/simulation/violation.h"

namespace ringway::simulation::data {

using proxy::TimePoint;
using Duration = proxy::Clock::duration;

class Epoll;
class LinkWatcher;

// What a descriptor refers to. It lives as long as its Kernel.
class File {
public:
    File() = default;
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    virtual ~File() = default;

    // What is ready now, as poll(2) has it.
    virtual std::uint32_t ready() const = 0;
    // Its descriptor was closed.
    virtual void closed() {}
    // A set has handed these events out.
    virtual void told(std::uint32_t /*events*/) {}

    // In the set that watches it; a file is in one at most.
    struct Watch {
        Epoll* set = nullptr;
        std::uint32_t events = 0;
        epoll_data_t data{};
        bool listed = false;  // it may be ready, and the set has not said so yet
        unsigned late = 0;    // edges that are on their way
    };
    Watch watch;
    int fd = -1;
};

class Epoll final : public File {
public:
    std::uint32_t ready() const override;
    std::vector<File*> listed;
};

class Kernel {
public:
    explicit Kernel(std::uint64_t seed);
    ~Kernel();
    Kernel(const Kernel&) = delete;
    Kernel& operator=(const Kernel&) = delete;

    static Kernel* current();

    TimePoint now() const { return now_; }
    RandomSource& random() { return random_; }

    // Something happens on the machine or the network, `delay` from now.
    void after(Duration delay, std::function<void()> what);
    // Time passes until then, and what is due happens.
    void pass(Duration time);
    // The thread does not run for so long, once it is told something.
    void oversleep(Duration time) { sleep_ = time; }
    // How late the thread was at most, after it was to be told something.
    Duration longest_sleep() const { return longest_sleep_; }
    // A system call: it takes a little time, and the network does not wait for it.
    void spend_call();
    // Called when the worker has nothing to do, with the moment at which it was last told
    // something.
    std::function<void(TimePoint told_at)> on_idle;

    template <class Some>
    Some& make() {
        files_.push_back(std::make_unique<Some>());
        return static_cast<Some&>(*files_.back());
    }
    int open(File& file);
    void close(int fd);
    // The file behind a descriptor of the simulation; nullptr for others.
    File* file(int fd) const;
    template <class Kind>
    Kind* file_as(int fd) const {
        return dynamic_cast<Kind*>(file(fd));
    }
    // What the machine lacks now, and when it last said so to the worker.
    bool lacks_descriptors = false;
    bool lacks_watches = false;  // epoll_ctl(2), ENOSPC
    TimePoint refused_at{};

    LinkWatcher* watcher = nullptr;

    // What is open now.
    template <class Use>
    void each_file(Use use) const {
        for (const File* const file : table_) {
            if (file != nullptr) use(*file);
        }
    }
    std::size_t open_files() const;

    // Sets, as epoll_ctl(2) and epoll_wait(2).
    int watch(Epoll& set, int operation, int fd, const epoll_event* event);
    int wait(Epoll& set, epoll_event* events, int room, Duration timeout);
    // `file` may be ready now, in a way that counts as an edge.
    void wake(File& file);
    // The same, late by chance.
    void wake_soon(File& file);

    // What was broken first. Calls may come from where nothing may be thrown.
    void violate(const char* law, std::string what) {
        if (!violation_) violation_ = Violation{law, std::move(what)};
    }
    const std::optional<Violation>& violation() const { return violation_; }

    // When the worker was last told something: the beginning of a round.
    TimePoint round_began() const { return round_began_; }

private:
    struct Event {
        TimePoint when;
        std::uint64_t number;
        std::function<void()> what;
        bool operator>(const Event& other) const {
            return std::pair(when, number) > std::pair(other.when, other.number);
        }
    };

    static void list(File& file);
    int collect(Epoll& set, epoll_event* events, int room);
    void run_until(TimePoint when);
    void block(const Epoll& set, TimePoint limit);
    void oversleep();

    TimePoint now_;
    RandomSource random_;
    std::uint64_t events_made_ = 0;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
    std::vector<std::unique_ptr<File>> files_;
    std::vector<File*> table_;  // by descriptor
    std::optional<Violation> violation_;
    Duration sleep_{};
    Duration longest_sleep_{};
    TimePoint round_began_;
    std::uint64_t waits_ = 0;
    std::uint64_t calls_ = 0;  // since the last wait
};

}  // namespace ringway::simulation::data
