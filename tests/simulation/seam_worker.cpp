// proxy::Worker without its thread: what control tells it waits in a World until its turn.
#include "proxy/data/worker.h"

#include <algorithm>
#include <utility>

#include "tests/simulation/world.h"

namespace ringway::proxy {

namespace {

simulation::WorkerState& state_of(const ConnectionTools& tools) {
    return simulation::World::current()->workers[tools.worker];
}

}  // namespace

Worker::Worker(std::size_t index, Quota& total, std::uint64_t most_pipes,
               std::unique_ptr<Batch> batch)
    : loop_([] {}, std::move(batch)),
      total_(total),
      pipes_(most_pipes),
      tools_{.relay = {.poller = loop_.poller(), .pipes = pipes_, .buffer = buffer_},
             .timers = loop_.timers(),
             .tls = tls_buffers_,
             .worker = index,
             .on_closed = [](Connection&) {}} {
    auto& state = state_of(tools_);
    state.index = index;
    state.total = &total;
}

Worker::~Worker() {
    simulation::World::current()->workers.erase(tools_.worker);
}

void Worker::run() {
    state_of(tools_).runs = true;
}

void Worker::listen(std::string address, Fd /*socket*/, std::shared_ptr<const Intake> intake) {
    auto& state = state_of(tools_);
    state.inbox.emplace_back([&state, address = std::move(address), intake = std::move(intake)] {
        state.listening[address] = intake;
    });
}

void Worker::take_up(std::string address, std::shared_ptr<const Intake> intake) {
    auto& state = state_of(tools_);
    state.inbox.emplace_back([&state, address = std::move(address), intake = std::move(intake)] {
        state.listening.at(address) = intake;
    });
}

void Worker::unlisten(std::string address, std::shared_ptr<void> open) {
    auto& state = state_of(tools_);
    state.inbox.emplace_back([&state, address = std::move(address), open = std::move(open)] {
        state.listening.erase(state.listening.find(address));
    });
}

void Worker::evict(Eviction eviction) {
    auto& state = state_of(tools_);
    state.inbox.emplace_back([&state, eviction = std::move(eviction)] {
        std::erase_if(state.connections, [&](const simulation::Connection& each) {
            const bool meant = eviction.server == nullptr ||
                               each.slot.server().counts.get() == eviction.server.get();
            if (meant) (*each.intake->counts)[state.index].active.subtract(1);
            if (meant) (*each.intake->counts)[state.index].ended(eviction.reason).add(1);
            return meant;
        });
    });
}

void Worker::cancel_eviction(Eviction /*eviction*/) {}

void Worker::ask(std::function<void()> answer) {
    state_of(tools_).inbox.push_back(std::move(answer));
}

void Worker::drain(std::function<void()> empty) {
    auto& state = state_of(tools_);
    state.inbox.emplace_back([&state, empty = std::move(empty)] {
        state.listening.clear();
        state.on_empty = empty;
    });
}

void Worker::stop() {
    auto& state = state_of(tools_);
    state.inbox.emplace_back([&state] {
        state.listening.clear();
        state.connections.clear();
        state.on_empty = nullptr;
    });
}

void Worker::join() {}

}  // namespace ringway::proxy
