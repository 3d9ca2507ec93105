// health::Probe, whose answers come from a World instead of a socket.
#include "health/probe.h"

#include <utility>

#include "tests/simulation/world.h"

namespace ringway::health {

struct Probe::Attempt {};

Probe::Probe(boost::asio::io_context& io, LingeringCloses& lingering_closes, Done done)
    : io_(io), lingering_closes_(lingering_closes), done_(std::move(done)) {}

Probe::~Probe() = default;

void Probe::start(const Target& target) {
    attempt_ = std::make_shared<Attempt>();
    simulation::World::current()->probe(
        target.address, [this, attempt = std::weak_ptr(attempt_)](const Outcome& outcome) {
            if (!attempt.expired()) finish(outcome);
        });
}

void Probe::finish(const Outcome& outcome) {
    attempt_.reset();
    done_(outcome);
}

bool Probe::is_answered() const {
    return false;
}

const char* Probe::step() const {
    return "connect";
}

void Probe::cancel() {
    attempt_.reset();
}

}  // namespace ringway::health
