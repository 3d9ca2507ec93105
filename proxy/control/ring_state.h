// What a pool's ring should be: one pure function of its settings, its servers and what is
// known of them, for what serves and for what a plan shows. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conf/config.h"
#include "conf/result.h"
#include "health/availability.h"
#include "ring/snapshot.h"
#include "ring/types.h"

namespace ringway::proxy {

ring::Settings ring_settings(const conf::HashSettings& hash);

// Fails if no ring can have so many servers of such weights in all.
Result<void> check_ring_size(const conf::HashSettings& hash, std::uint64_t servers,
                             std::uint64_t weights);

// One server of a pool, as it is wanted and as it is known.
struct ServerFacts {
    std::string_view id;
    std::uint32_t weight = 1;
    std::uint32_t max_connections = 0;
    health::AdminState admin_state = health::AdminState::automatic;
    bool up = true;                        // by its checks and its connections
    bool awaits_check = false;             // down until its first check: no panic brings it up
    std::uint32_t ramp = ring::full_ramp;  // of its points, in thousandths
};

struct RingState {
    bool panics = false;  // so few are up that their states are ignored
    std::size_t up = 0;   // servers with a weight and no admin state that are up
    std::size_t all = 0;  // such servers, up or not
    std::vector<health::Availability> availabilities;  // of the servers, in their order
};

// `panic` is the share of servers below which their states are ignored.
RingState ring_state(double panic, std::span<const ServerFacts> servers);

// The context of a server on the ring, by its index: nullptr to leave the one that is there.
using ContextOf = std::function<std::shared_ptr<void>(std::size_t, const ring::Member*)>;

// What makes `base` the ring of these servers, which are in the order of their ids.
std::vector<ring::Change> ring_changes(const ring::Snapshot& base,
                                       std::span<const ServerFacts> servers, const RingState& state,
                                       const ContextOf& context_of);

}  // namespace ringway::proxy
