#include "tests/simulation/world.h"

#include <cassert>

namespace ringway::simulation {

namespace {

World* the_world = nullptr;

health::Outcome outcome_of(Peer peer, health::LocalFault fault) {
    using health::ProbeStatus;
    switch (peer) {
        case Peer::serves:
            return {ProbeStatus::passed, "ok", ""};
        case Peer::refuses:
            return {ProbeStatus::failed, "refused", "connect: Connection refused"};
        case Peer::wrong:
            return {ProbeStatus::failed, "answer", "another answer"};
        case Peer::cut_off:
            return {ProbeStatus::not_run, "local", "no way there", fault};
        case Peer::silent:
            break;
    }
    return {ProbeStatus::failed, "timeout", ""};
}

}  // namespace

// Far from zero, and from the clock of this machine: whoever mixes them up waits for ever.
World::World(std::uint64_t seed)
    : now_(std::chrono::hours(24 * 365 * 100)),
      wall_(std::chrono::sys_days(std::chrono::year{2030} / 1 / 1)),
      random_(seed) {
    assert(the_world == nullptr);
    the_world = this;
}

World::~World() {
    the_world = nullptr;
}

World* World::current() {
    return the_world;
}

void World::move_time(Duration by) {
    now_ += by;
    wall_ += by;
}

Peer World::peer(const std::string& address) const {
    const auto found = peers_.find(address);
    return found == peers_.end() ? Peer::serves : found->second;
}

void World::probe(const conf::Endpoint& address, std::function<void(const health::Outcome&)> done) {
    const Peer there = peer(address.to_string());
    if (there == Peer::silent) return;
    const auto delay = std::chrono::milliseconds(1 + random_.below(delay_max.count()));
    const auto faults = static_cast<std::int64_t>(health::local_fault_count) - 1;
    const auto fault = static_cast<health::LocalFault>(1 + delay.count() % faults);
    answers_.emplace(now_ + delay,
                     [there, fault, done = std::move(done)] { done(outcome_of(there, fault)); });
}

bool World::answer_probes(TimePoint until) {
    bool answered = false;
    while (!answers_.empty() && answers_.begin()->first <= until) {
        const auto answer = std::move(answers_.begin()->second);
        answers_.erase(answers_.begin());
        answer();
        answered = true;
    }
    return answered;
}

bool World::turn_workers() {
    bool turned = false;
    for (auto& [index, state] : workers) {
        while (state.runs && !state.inbox.empty()) {
            const auto command = std::move(state.inbox.front());
            state.inbox.pop_front();
            command();
            turned = true;
        }
        if (!state.on_empty || !state.connections.empty()) continue;
        std::exchange(state.on_empty, nullptr)();
        turned = true;
    }
    return turned;
}

DiskFault World::next_fault() {
    if (crashed_) return DiskFault::crash;
    if (fault_ == DiskFault::none) return fault_;
    if (fault_after_ > 0) {
        --fault_after_;
        return DiskFault::none;
    }
    if (fault_ == DiskFault::crash) crashed_ = true;
    // A full disk stays full.
    return fault_ == DiskFault::broken ? std::exchange(fault_, DiskFault::none) : fault_;
}

void World::mend_disk() {
    fault_ = DiskFault::none;
    crashed_ = false;
}

}  // namespace ringway::simulation
