// Pools whose servers the test reports on, as workers do. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/proxy/pools_rig.h"

namespace ringway::test {

struct StatesRig : PoolsRig {
    void apply_pool(const conf::Pool& wanted) { apply(config({wanted})); }
    std::string detail(std::string_view id) const { return pools.detail("main", id); }
    bool is_online(std::string_view id) const { return wanted(id).health.is_online(); }
    std::uint32_t points(std::string_view id) const { return ring()->find(id)->points; }

    // As a worker would, by the context that it finds on the ring.
    void report(std::string_view id, health::Failure kind, int count = 1) const {
        const auto snapshot = ring();
        const auto* context = snapshot->find(id)->context.get();
        for (; count > 0; --count)
            static_cast<const proxy::Server*>(context)->failure_reports->report(kind);
    }
    void turn() {
        io.restart();
        io.poll();
    }
};

inline conf::Pool watched_pool(std::vector<conf::Server> servers) {
    conf::Pool made = pool("main", std::move(servers));
    made.passive = {.failures = 3, .retry = 200ms, .retry_max = 600ms};
    return made;
}

}  // namespace ringway::test
