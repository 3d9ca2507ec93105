// Threads and signals: jobs of a background thread wait in a World, signals come from one.
#include <unistd.h>

#include <utility>

#include "proxy/control/background_thread.h"
#include "proxy/control/signals.h"
#include "tests/simulation/world.h"

namespace ringway::proxy {

BackgroundThread::BackgroundThread(boost::asio::io_context& io, std::string name, int /*nice*/)
    : io_(io), name_(std::move(name)), thread_(0) {}

BackgroundThread::~BackgroundThread() = default;

void BackgroundThread::run(Step work, Step then) {
    simulation::World::current()->jobs.push_back({name_, &io_, std::move(work), std::move(then)});
}

Signals::Signals(boost::asio::io_context& io) : descriptor_(io) {}

void Signals::listen(std::function<void(int)> on_signal) {
    simulation::World::current()->on_signal = std::move(on_signal);
}

void Signals::close() {
    simulation::World::current()->on_signal = nullptr;
}

}  // namespace ringway::proxy
