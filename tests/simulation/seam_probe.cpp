// health::Probe, whose answers come from a World instead of a socket.
#include "health/probe.h"

#include <utility>

#include "tests/simulation/world.h"

namespace ringway::health {

struct Probe::Attempt {};

Probe::Probe(boost::asio::io_context& io, LingeringCloses& lingering_closes, Done done)
    : io_(io), lingering_closes_(lingering_closes), done_(std::move(done)) {}

Probe::~Probe() = default;

void Probe::start(const conf::Endpoint& address, const conf::HealthSettings& /*settings*/,
                  const std::string& /*preface*/, const std::optional<conf::Endpoint>& /*source*/) {
    attempt_ = std::make_shared<Attempt>();
    simulation::World::current()->probe(
        address, [this, attempt = std::weak_ptr(attempt_)](const Outcome& outcome) {
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
