// The machine that control runs on in the simulation: its clocks, its network, its workers, its
// threads and its disk, moved by hand. The files seam_*.cpp put it at the edges of the real
// code at link time, so that nothing inside is changed for it. One World at a time, one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "conf/config.h"
#include "health/probe.h"
#include "proxy/base/clock.h"
#include "proxy/control/background_thread.h"
#include "proxy/data/server.h"
#include "proxy/data/worker.h"

namespace ringway::simulation {

using proxy::TimePoint;
using Duration = proxy::Clock::duration;

// A small generator: the same numbers on every machine.
class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    std::uint64_t number() { return engine_(); }
    // From 0 to `end` - 1; `end` is not 0.
    std::size_t below(std::size_t end) { return static_cast<std::size_t>(engine_() % end); }
    bool one_in(std::size_t n) { return below(n) == 0; }
    template <class List>
    auto& any(List& list) {
        return list[below(list.size())];
    }

private:
    std::mt19937_64 engine_;
};

// What is at an address.
enum class Peer : std::uint8_t {
    serves,   // accepts, and answers checks as they want it
    refuses,  // nobody listens
    silent,   // no answer at all
    wrong,    // accepts, and answers checks with something else
    cut_off,  // no way there from this machine: a check is not run
};

// A connection of a client, in the hands of a simulated worker.
struct Connection {
    std::shared_ptr<const proxy::Intake> intake;
    proxy::Admission admission;
    proxy::ServerSlot slot;
    TimePoint accepted_at;
};

// What a real Worker does on its own thread, without the thread: commands wait in its inbox.
struct WorkerState {
    std::size_t index = 0;
    proxy::Quota* total = nullptr;
    bool runs = false;
    std::deque<std::function<void()>> inbox;
    std::map<std::string, std::shared_ptr<const proxy::Intake>> listening;
    std::list<Connection> connections;
    std::function<void()> on_empty;
};

// One job of a BackgroundThread.
struct Job {
    std::string thread;
    boost::asio::io_context* io = nullptr;
    proxy::Background::Step work;
    proxy::Background::Step then;
};

// A write of the disk that does not happen as it should.
enum class DiskFault : std::uint8_t { none, full, broken, crash };

// What a crash of the disk may take along.
struct Unsynced {
    int fd = -1;                              // of the new file
    std::string file;                         // the same: its end may be missing
    std::optional<std::string> renamed_over;  // the file that was replaced, with its bytes
    std::string replaced;
};

class World {
public:
    explicit World(std::uint64_t seed);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    // The one that lives, or nullptr.
    static World* current();

    // Time.
    TimePoint now() const { return now_; }
    std::chrono::system_clock::time_point wall() const { return wall_; }
    void step_wall(Duration by) { wall_ += by; }
    // Moves both clocks, without a turn of anybody's loop.
    void move_time(Duration by);

    Random& random() { return random_; }

    // Network: what is at an address, for checks. A check that is answered is so within
    // `delay_max`.
    void set_peer(const std::string& address, Peer peer) { peers_[address] = peer; }
    Peer peer(const std::string& address) const;
    void probe(const conf::Endpoint& address, std::function<void(const health::Outcome&)> done);
    // Hands over the answers that are due at `until`. Whether there were some.
    bool answer_probes(TimePoint until);
    // The addresses that cannot be listened on.
    std::set<std::string> taken;

    // Threads.
    std::map<std::size_t, WorkerState> workers;  // by index, which no run of a seed changes
    std::deque<Job> jobs;
    // The loops of workers: what is in their inboxes. Whether there was something.
    bool turn_workers();

    // Signals to the process.
    std::function<void(int)> on_signal;

    // Disk: the fault of the write that comes after so many others.
    void break_disk(DiskFault fault, std::uint32_t after) {
        fault_ = fault;
        fault_after_ = after;
    }
    DiskFault next_fault();  // of the write that is about to happen
    bool crashed() const { return crashed_; }
    void mend_disk();
    Unsynced unsynced;

private:
    static constexpr auto delay_max = std::chrono::milliseconds(40);

    TimePoint now_;
    std::chrono::system_clock::time_point wall_;
    Random random_;
    std::map<std::string, Peer> peers_;
    std::multimap<TimePoint, std::function<void()>> answers_;
    DiskFault fault_ = DiskFault::none;
    std::uint32_t fault_after_ = 0;
    bool crashed_ = false;
};

}  // namespace ringway::simulation
