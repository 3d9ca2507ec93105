#include "proxy/data/eviction.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace ringway::proxy {

namespace {

using namespace std::chrono_literals;

constexpr int steps = 100;

// Short enough that each step is a small part, long enough that a pass over all connections
// costs little.
Clock::duration pause_of(Clock::duration over) {
    return std::clamp<Clock::duration>(over / steps, 10ms, 1s);
}

}  // namespace

Evictor::Evictor(Eviction eviction, Connections& connections, Timers& timers)
    : eviction_(std::move(eviction)),
      connections_(connections),
      timers_(timers),
      ends_at_(Clock::now() + eviction_.over),
      random_(std::random_device{}()) {
    end_dials();
    step();
}

// Of an eviction of a server.
bool Evictor::means(const Connection& connection) const {
    const Server* const server = connection.server();
    return server != nullptr && server->counts == eviction_.server &&
           (!eviction_.address || *eviction_.address == server->address);
}

// Who has no connection to the server yet can still have another.
void Evictor::end_dials() {
    if (!eviction_.server) return;
    std::vector<Connection*> dialling;
    for (Connection& connection : connections_) {
        if (means(connection) && !connection.is_relayed()) dialling.push_back(&connection);
    }
    for (Connection* const connection : dialling) connection->abandon_dial();
}

// Resets a share of the connections that are left, so that the last step resets the last. Which
// ones, and the length of the pause, are random.
void Evictor::step() {
    const TimePoint now = Clock::now();
    std::vector<Connection*> left;
    for (Connection& connection : connections_) {
        const bool goes = !eviction_.server || (means(connection) && connection.is_relayed());
        if (goes) left.push_back(&connection);
    }
    std::size_t ends = left.size();
    const Clock::duration pause = pause_of(eviction_.over);
    if (now < ends_at_) {
        const auto steps_left = static_cast<std::size_t>((ends_at_ - now) / pause + 1);
        ends = (left.size() + random_() % steps_left) / steps_left;
        std::shuffle(left.begin(), left.end(), random_);
        const auto chance = static_cast<Clock::rep>(random_() % 1'000);
        timers_.set(*this, std::min(ends_at_, now + pause / 2 + pause * chance / 1'000));
    } else {
        over_ = true;
    }
    for (std::size_t i = 0; i < ends; ++i) left[i]->cut(eviction_.reason);
}

}  // namespace ringway::proxy
