// Pools whose file the test writes, on a loop that it turns. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include "proxy/control/pools.h"
#include "tests/support/sockets.h"

namespace ringway::test {

using Strings = std::vector<std::string>;

inline conf::Server server(std::string id, std::string_view address = "192.0.2.1:80",
                           std::uint32_t weight = 1) {
    return {.id = std::move(id), .address = endpoint(address), .weight = weight};
}

inline conf::Pool pool(std::string name, std::vector<conf::Server> servers) {
    return {.name = std::move(name), .hash = {.vnodes = 16}, .servers = std::move(servers)};
}

inline conf::Config config(std::vector<conf::Pool> pools) {
    conf::Config made;
    made.pools = std::move(pools);
    return made;
}

struct PoolsRig {
    boost::asio::io_context io;
    // What the workers were told: "depart server_down 0", "spare"; times in ms.
    Strings told;
    proxy::Events events;
    proxy::Inline builder;
    proxy::Pools pools{io,
                       1,
                       events,
                       builder,
                       {.evict =
                            [this](const proxy::Eviction& cut) {
                                const auto ms =
                                    std::chrono::duration_cast<conf::Duration>(cut.over);
                                told.push_back("depart " + std::string(to_string(cut.reason)) +
                                               " " + std::to_string(ms.count()));
                            },
                        .cancel_eviction = [this](const auto&) { told.push_back("spare"); }}};

    // The file as it is now.
    void apply(const conf::Config& next) {
        pools.apply(next);
        pools.drop_others(next);
    }
    void apply(std::vector<conf::Server> servers) {
        apply(config({pool("main", std::move(servers))}));
    }
    const proxy::Pool& main() const { return *pools.find("main"); }
    std::shared_ptr<const ring::Snapshot> ring() const { return main().ring->snapshot(); }
    const proxy::PoolServer& wanted(std::string_view id) const {
        return main().servers.find(id)->second;
    }

    // The ids on the ring that take keys, each with its weight.
    Strings online() const {
        Strings all;
        for (const ring::Member& member : ring()->members()) {
            if (member.status == ring::Status::online) {
                all.push_back(member.id + " x" + std::to_string(member.weight));
            }
        }
        return all;
    }
    std::string address_of(std::string_view id) const {
        const auto snapshot = ring();
        const auto* context = snapshot->find(id)->context.get();
        return static_cast<const proxy::Server*>(context)->address.to_string();
    }

    template <class Predicate>
    bool turn_until(Predicate holds) {
        const auto deadline = proxy::Clock::now() + patience;
        while (!holds() && proxy::Clock::now() < deadline) {
            io.restart();
            io.run_one_for(10ms);
        }
        return holds();
    }
};

inline conf::Pool checked_pool(std::vector<conf::Server> servers) {
    conf::Pool made = pool("main", std::move(servers));
    made.health = conf::HealthSettings{.interval = 20ms, .timeout = 20ms, .rise = 2, .fall = 2};
    return made;
}

}  // namespace ringway::test
