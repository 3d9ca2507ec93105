// What must hold whenever the worker has done all that it can and waits.
#include <algorithm>
#include <chrono>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "tests/simulation/data/judge.h"

namespace ringway::simulation::data {

namespace {

using namespace std::chrono_literals;

// Deadlines are met on a grid (proxy/net/timers.cpp), and a round may last a little.
constexpr auto grid = 8ms + 4ms;
// A relay that waits for acknowledgements looks again after so long (proxy/data/standstill.cpp).
constexpr auto longest_settle_pause = 250ms;
constexpr auto client_reset_grace = 50ms;
// Between two tries of a machine that lacks something, twice.
constexpr auto lack_lasts = 250ms;
// What a direction holds in memory at most: a buffer, and what was read in search of a key.
constexpr std::uint64_t most_held_bytes = (64 << 10) + 8'192;

bool is_pending(const Link& link) {
    return link.watch.listed || link.watch.late > 0;
}

}  // namespace

bool Judge::lacked_lately() const {
    const TimePoint at = world_.kernel.refused_at;
    return at != TimePoint{} &&
           world_.kernel.now() < at + world_.settings.connect.timeout + lack_lasts;
}

void Judge::check_idle(TimePoint told_at) {
    for (const auto& [number, of] : world_.cases) {
        if (!of.is_live()) continue;
        if (of.is_relayed()) {
            check_movable(of);
            check_relay_deadline(of, told_at);
            check_lost(of, *of.client, told_at);
            check_lost(of, *of.server, told_at);
        } else {
            check_opening(of, told_at);
        }
    }
    check_orders(told_at);
    check_counts();
    check_files();
}

void Judge::check_opening(const Case& of, TimePoint told_at) {
    const Link* const dial = of.server;
    if (lacked_lately()) return;
    const auto& connect = world_.settings.connect;
    if (dial != nullptr && !dial->was_closed) {
        if (told_at > dial->made_at + connect.timeout + grid) {
            world_.violate("connect timeout", of, "a dial is given up late");
        }
        if (dial->told_writable || dial->told_broken) {
            world_.violate("stall", of, "an answered dial is not taken up");
        }
        return;
    }
    if (is_pending(*of.client)) return;
    if (told_at > of.accepted_at + world_.settings.timeouts.key + grid) {
        world_.violate("key timeout", of, "a client without a key stays");
    }
    if (of.client->told_writable && of.client->arrived >= of.opening.decided_at) {
        world_.violate("stall", of, "its key is there, and no server is dialled");
    }
    if (of.client->told_broken) world_.violate("stall", of, "a client that has reset stays");
}

// Of what the kernel has for one side, and can take for the other, nothing waits.
void Judge::check_movable(const Case& of) {
    if (is_pending(*of.client) || is_pending(*of.server)) return;
    const Link& client = *of.client;
    const Link& server = *of.server;
    if (server.broke_with == 0) check_direction(of, client, server, of.due_to_server());
    if (client.broke_with == 0) check_direction(of, server, client, of.due_to_client());
    if (client.broke_with != 0 && server.broke_with != 0) {
        world_.violate("stall", of, "both sides are broken");
    }
    const bool is_done = client.state == Link::State::over && server.state == Link::State::over &&
                         client.broke_with == 0 && server.broke_with == 0;
    if (is_done) world_.violate("stall", of, "both directions have ended");
}

void Judge::check_direction(const Case& of, const Link& from, const Link& to, std::uint64_t due) {
    const char* const what = from.is_client ? "to the server" : "to the client";
    const std::uint64_t held = due - to.queued;
    if (held > 0 && to.state == Link::State::open && to.is_writable()) {
        world_.violate("stall", of, fmt::format("{} bytes {} are held", held, what));
    }
    if (from.unread() > 0 && held == 0) {
        world_.violate("stall", of, fmt::format("{} bytes {} are not read", from.unread(), what));
    }
    const bool ended = from.end_arrived && from.unread() == 0 && held == 0;
    if (ended && !to.shut && from.broke_with == 0) {
        world_.violate("stall", of, fmt::format("the end {} is not passed on", what));
    }
}

void Judge::check_relay_deadline(const Case& of, TimePoint told_at) {
    const auto& timeouts = world_.settings.timeouts;
    const Link& client = *of.client;
    const Link& server = *of.server;
    if (is_pending(client) || is_pending(server)) return;
    Duration limit = timeouts.idle;
    Duration late = std::min<Duration>(timeouts.unacknowledged / 4 + 1ms, timeouts.idle);
    const bool waits = client.unacknowledged() + server.unacknowledged() > 0;
    const bool half = client.shut || server.shut;
    if (client.told_broken) {
        limit = client_reset_grace;
        late = longest_settle_pause;
    } else if (server.told_broken || (half && !waits)) {
        limit = std::min(timeouts.half_close, timeouts.idle);
        late = std::max<Duration>(late, longest_settle_pause);
    }
    const TimePoint last =
        std::max({of.moved_at, server.told_writable_at, client.acknowledged_at,
                  server.acknowledged_at, client.told_broken_at, server.told_broken_at});
    // A look that was late itself.
    late += grid + world_.kernel.longest_sleep();
    if (told_at > last + limit + late + grid) {
        world_.violate(
            "timeout is late", of,
            fmt::format("{} after {} of {}", half ? "half closed" : "open", told_at - last, limit));
    }
}

// A peer that has vanished with bytes in flight is found out (docs/configuration.md, Timeouts). The
// first look may come before the kernel has sent anything again.
void Judge::check_lost(const Case& of, const Link& link, TimePoint told_at) {
    if (!link.vanished || link.unanswered_since == TimePoint{} || link.broke_with != 0) return;
    if (of.client->told_broken || of.server->told_broken) return;
    const Duration limit = world_.settings.timeouts.unacknowledged;
    if (told_at >
        link.unanswered_since + limit + limit / 2 + 6 * (grid + world_.kernel.longest_sleep())) {
        world_.violate("lost peer", of, "a peer that has vanished is not found out");
    }
}

void Judge::check_orders(TimePoint told_at) {
    for (const Order& order : world_.orders) {
        if (order.is_cancelled || told_at <= order.due + grid + world_.kernel.longest_sleep())
            continue;
        for (const Case* const of : order.of) {
            if (!of->is_over) world_.violate("eviction", *of, "outlives its eviction");
        }
    }
}

void Judge::check_counts() {
    auto& listener = counts_.listener->front();
    std::uint64_t live = 0;
    std::vector<std::uint64_t> of_server(counts_.servers.size());
    std::vector<std::uint64_t> up(counts_.servers.size());
    std::vector<std::uint64_t> down(counts_.servers.size());
    for (const auto& [number, of] : world_.cases) {
        if (of.is_live()) ++live;
        if (of.server == nullptr) continue;
        const std::size_t server = of.server->server;
        if (of.is_live() && !of.server->was_closed) ++of_server[server];
        up[server] += of.server->queued;
        down[server] += of.client->queued;
    }
    std::uint64_t ended = 0;
    for (const auto& each : listener.ends) ended += each.value();
    const auto holds = [&](bool truth, const char* what) {
        if (!truth) world_.kernel.violate("counts", what);
    };
    holds(listener.accepted.value() == world_.accepted, "accepted");
    holds(listener.active.value() == live, "active");
    // A queue is taken as it is, beyond the limits, before its socket is closed
    // (proxy/data/acceptor.h).
    holds(counts_.quota->live() == live || world_.is_drained, "the quota");
    holds(ended == world_.logged, "ends");
    for (std::size_t i = 0; i < counts_.servers.size(); ++i) {
        const auto& server = counts_.servers[i]->front();
        holds(server.active.value() == of_server[i] || lacked_lately(), "a server's connections");
        holds(server.bytes_up.value() == up[i] && server.bytes_down.value() == down[i],
              "a server's bytes");
        const std::uint64_t most = world_.settings.servers[i];
        holds(most == 0 || server.active.value() <= most, "a server's limit");
    }
    holds(world_.is_drained ||
              (live <= world_.settings.listener_limit && live <= world_.settings.total_limit),
          "the limit of connections");
}

// Descriptors are those of live connections, and memory is that of what they hold.
void Judge::check_files() {
    std::size_t links = 0;
    std::uint64_t piped = 0;
    world_.kernel.each_file([&](const File& file) {
        if (dynamic_cast<const Link*>(&file) != nullptr) ++links;
        const auto* const end = dynamic_cast<const PipeEnd*>(&file);
        if (end != nullptr) piped += end->pipe->bytes;  // twice, once for each end
    });
    std::size_t expected = 0;
    std::uint64_t held = 0;
    std::uint64_t directions = 0;
    for (const auto& [number, of] : world_.cases) {
        if (!of.is_live()) continue;
        const bool has_server = of.server != nullptr && !of.server->was_closed;
        expected += has_server ? 2 : 1;
        if (!of.is_relayed()) continue;
        directions += 2;
        // A batch may have read for a peer that it then finds broken.
        if (!of.server->told_broken) held += of.due_to_server() - of.server->queued;
        if (!of.client->told_broken) held += of.due_to_client() - of.client->queued;
    }
    // A dial that cannot be watched stays open until the next try.
    if (links != expected && !lacked_lately()) {
        world_.kernel.violate("descriptors",
                              fmt::format("{} sockets, {} expected", links, expected));
    }
    if (held > piped / 2 + directions * most_held_bytes) {
        world_.kernel.violate("memory", fmt::format("{} bytes are held", held - piped / 2));
    }
}

void Judge::check_calm() {
    for (const auto& [number, of] : world_.cases) {
        if (!of.is_live() || !of.is_relayed()) continue;
        const Link& client = *of.client;
        const Link& server = *of.server;
        if (!client.peer_is_alive() || !server.peer_is_alive()) continue;
        if (server.taken != of.header.size() + client.written - of.opening.header_bytes ||
            client.taken != server.written) {
            world_.violate("delivery", of,
                           fmt::format("{} of {} bytes up and {} of {} down have arrived",
                                       server.taken, client.written, client.taken, server.written));
        }
    }
}

void Judge::check_end() {
    std::uint64_t picks = 0;
    for (const auto& [number, of] : world_.cases) {
        if (of.accepted && !of.is_over) world_.violate("end", of, "was never logged");
        picks += of.was_relayed ? 1 : 0;
        // Both have ended, and neither has gone: all has arrived.
        if (of.end != proxy::CloseReason::done) continue;
        for (const Link* const link : {of.client, of.server}) {
            const bool could = link->peer_is_alive() && !link->peer_closed && !link->paused;
            if (could && !world_.is_stopped && link->taken != link->queued) {
                world_.violate("delivery", of, "bytes were lost at the end");
            }
            if (link->peer_saw_reset && !link->peer_closed) {
                world_.violate("clean end", of, "a peer of a complete stream sees a reset");
            }
        }
    }
    if (counts_.pool->front().picks.value() != picks) world_.kernel.violate("counts", "picks");
    if (counts_.listener->front().active.value() != 0 || counts_.quota->live() != 0) {
        world_.kernel.violate("counts", "connections are left");
    }
    if (world_.kernel.open_files() != 0) {
        world_.kernel.violate("descriptors",
                              fmt::format("{} are left", world_.kernel.open_files()));
    }
}

}  // namespace ringway::simulation::data
