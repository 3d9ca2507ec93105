// Holds what the proxy does to the laws, from what the kernel, the clients and the servers know.
// What is broken first is kept in the Kernel. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/data/quota.h"
#include "proxy/data/server.h"
#include "tests/simulation/data/link.h"
#include "tests/simulation/data/world.h"

namespace ringway::simulation::data {

// What the proxy has counted.
struct Counts {
    std::shared_ptr<proxy::PerWorker<proxy::ListenerCounts>> listener;
    std::shared_ptr<proxy::PerWorker<proxy::PoolCounts>> pool;
    std::vector<std::shared_ptr<proxy::PerWorker<proxy::ServerCounts>>> servers;
    std::shared_ptr<proxy::Quota> quota;
};

class Judge final : public LinkWatcher {
public:
    Judge(World& world, const Counts& counts) : world_(world), counts_(counts) {}

    // The worker waits, after it was told something at `told_at`: nothing it could do is left.
    void check_idle(TimePoint told_at);
    // Everybody reads and nothing is on its way any more: what was sent has arrived.
    void check_calm();
    // The worker is gone.
    void check_end();

private:
    // What the proxy does (judge_calls.cpp).
    void accepted(Link& link) override;
    void dials(Link& link, std::uint16_t port, TimePoint since) override;
    void watched(Link& link) override;
    void sends(const Link& link, const char* bytes, std::size_t size) override;
    void sends(const Link& link, const Pipe::Piece& piece, std::size_t size) override;
    void ends(const Link& link) override;
    void moved(const Link& link) override;
    void connected(Link& link) override;
    void closes(Link& link) override;
    void logged(const proxy::AccessEntry& entry) override;
    void take_dials(Case& of);
    void check_is_due(const Link& link, std::size_t size);

    // Whether the reason of an end is true (judge_reasons.cpp).
    void check_reason(const Case& of);
    void check_early_end(const Case& of);
    void check_timeout(const Case& of);
    void check_broken(const Case& of, bool client);
    void check_no_server(const Case& of);
    bool is_resetting(const Link& link) const;

    // What must hold when the worker waits (judge_idle.cpp).
    void check_movable(const Case& of);
    void check_direction(const Case& of, const Link& from, const Link& to, std::uint64_t due);
    void check_opening(const Case& of, TimePoint told_at);
    void check_relay_deadline(const Case& of, TimePoint told_at);
    void check_lost(const Case& of, const Link& link, TimePoint told_at);
    void check_orders(TimePoint told_at);
    void check_counts();
    void check_files();
    bool lacked_lately() const;

    World& world_;
    const Counts& counts_;
    std::vector<Link*> loose_dials_;
};

}  // namespace ringway::simulation::data
