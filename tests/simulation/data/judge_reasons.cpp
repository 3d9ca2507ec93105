// Whether a connection ended as the log says, by what its peers did and by the clock.
#include <algorithm>
#include <cerrno>
#include <chrono>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "tests/simulation/data/judge.h"

namespace ringway::simulation::data {

namespace {

using namespace std::chrono_literals;
using proxy::CloseReason;

// What follows a client's reset (proxy/data/standstill.h).
constexpr auto client_reset_grace = 50ms;
constexpr Duration longest_round = 5ms;
// A direction of so few bytes is left to the kernel at the end (proxy/data/relay.cpp).
constexpr std::uint64_t small_stream_bytes = 4096;

}  // namespace

void Judge::check_reason(const Case& of) {
    const auto holds = [&](bool truth, const char* what) {
        if (!truth) {
            world_.violate("reason", of, fmt::format("{}: {}", proxy::to_string(of.end), what));
        }
    };
    switch (of.end) {
        case CloseReason::done: {
            const Link& client = *of.client;
            const Link* const server = of.server;
            holds(server != nullptr && client.end_arrived && server->end_arrived,
                  "not both peers have ended");
            if (server == nullptr) return;
            holds(client.queued == server->written && server->queued == of.due_to_server() &&
                      client.unread() == 0 && client.consumed == client.written,
                  "bytes are left");
            for (const Link* const link : {of.client, of.server}) {
                const bool waits = link->queued > small_stream_bytes && link->unsent() > 0;
                holds(!waits || link->state == Link::State::over, "the kernel may drop bytes");
            }
            return;
        }
        case CloseReason::client_reset:
        case CloseReason::client_lost:
            return check_broken(of, true);
        case CloseReason::server_reset:
        case CloseReason::server_lost:
            return check_broken(of, false);
        case CloseReason::idle_timeout:
        case CloseReason::half_close_timeout:
            return check_timeout(of);
        case CloseReason::server_down:
        case CloseReason::server_removed:
            return holds(of.server != nullptr &&
                             std::ranges::any_of(world_.orders,
                                                 [&](auto& each) {
                                                     return each.server == of.server->server &&
                                                            !each.is_cancelled;
                                                 }),
                         "nobody has ordered it");
        case CloseReason::local_error:
            return holds(lacked_lately(), "nothing was lacking");
        case CloseReason::shutdown:
            return holds(world_.is_stopped, "nobody has stopped it");
        case CloseReason::no_server:
        case CloseReason::servers_full:
        case CloseReason::connect_failed:
            return check_no_server(of);
        default:
            return check_early_end(of);
    }
}

// Before a server was dialled, or by the client meanwhile.
void Judge::check_early_end(const Case& of) {
    const Link& client = *of.client;
    const Opening& opening = of.opening;
    const TimePoint now = world_.kernel.now();
    const bool decided = client.arrived >= opening.decided_at;
    const bool ended = client.end_arrived;
    bool holds = false;
    switch (of.end) {
        case CloseReason::proxy_untrusted:
            holds = world_.settings.expects_proxy && !opening.is_trusted;
            break;
        case CloseReason::client_left:
            holds = client.broke_with != 0 || (ended && !decided);
            break;
        case CloseReason::key_missing:
            holds = ended && !decided && client.arrived > opening.header_bytes;
            break;
        case CloseReason::key_timeout:
            // Bytes of which there was no event yet are not there yet.
            holds = now >= of.accepted_at + world_.settings.timeouts.key &&
                    (!decided || client.unread() > 0);
            break;
        case CloseReason::proxy_missing:
        case CloseReason::proxy_malformed:
        case CloseReason::key_too_large:
            holds = of.end == opening.refusal && decided;
            break;
        default:
            break;
    }
    if (!holds)
        world_.violate("reason", of, fmt::format("{} is not true", proxy::to_string(of.end)));
}

void Judge::check_timeout(const Case& of) {
    const auto& timeouts = world_.settings.timeouts;
    const bool half = of.end == CloseReason::half_close_timeout;
    const auto limit = half ? std::min(timeouts.half_close, timeouts.idle) : timeouts.idle;
    if (of.server == nullptr) return world_.violate("reason", of, "a timeout without a server");
    const Link& client = *of.client;
    const Link& server = *of.server;
    // A look takes its time from the beginning of its round.
    const TimePoint last =
        std::max({of.moved_from, server.told_writable_at, client.acknowledged_at - longest_round,
                  server.acknowledged_at - longest_round});
    const TimePoint now = world_.kernel.now();
    if (now < last + limit) {
        world_.violate(
            "timeout is early", of,
            fmt::format("{} after {} of {}", proxy::to_string(of.end), now - last, limit));
    }
    if (client.told_broken || server.told_broken) {
        world_.violate("reason", of, fmt::format("{} after a break", proxy::to_string(of.end)));
    }
    const bool one_ended = client.end_arrived || server.end_arrived;
    if (half && !one_ended) world_.violate("reason", of, "half_close_timeout without an end");
}

void Judge::check_broken(const Case& of, bool client) {
    const Link* const broken = client ? of.client : of.server;
    const Link* const reader = client ? of.server : of.client;
    const TimePoint now = world_.kernel.now();
    const auto& timeouts = world_.settings.timeouts;
    if (broken == nullptr || reader == nullptr) {
        return world_.violate("reason", of, "a break without a server");
    }
    const bool lost = of.end == CloseReason::client_lost || of.end == CloseReason::server_lost;
    const bool silent = broken->vanished && now - broken->heard_at >= timeouts.unacknowledged &&
                        broken->unacknowledged() > 0;
    const bool holds = lost ? broken->broke_with == ETIMEDOUT || silent
                            : broken->broke_with == ECONNRESET || broken->broke_with == EPIPE;
    if (!holds)
        world_.violate("reason", of, fmt::format("{} is not true", proxy::to_string(of.end)));
    // What came before the break reaches the other side, if that takes it in time.
    const std::uint64_t own = client ? of.opening.header_bytes : 0;
    const std::uint64_t before = (client ? of.header.size() : 0) + broken->arrived - own;
    const auto limit =
        client ? conf::Duration(client_reset_grace) : std::min(timeouts.half_close, timeouts.idle);
    const bool in_time = now < std::max(of.moved_from, reader->acknowledged_at) + limit;
    if (in_time && reader->broke_with == 0 && reader->acknowledged < before) {
        world_.violate("bytes before a break", of,
                       fmt::format("{} of {} are delivered", reader->acknowledged, before));
    }
}

void Judge::check_no_server(const Case& of) {
    const auto& servers = world_.settings.servers;
    const TimePoint now = world_.kernel.now();
    // Other connections of each.
    std::vector<std::uint32_t> open(servers.size());
    for (const auto& [number, each] : world_.cases) {
        if (!each.is_live() || each.server == nullptr || each.server->was_closed) continue;
        ++open[each.server->server];
    }
    std::vector<bool> is_left(servers.size());  // for another dial
    for (std::size_t i = 0; i < servers.size(); ++i) {
        // One that was full when its turn came is not asked again.
        is_left[i] = servers[i] == 0 || (of.dials.empty() && open[i] < servers[i]);
    }
    for (const Link* const dial : of.dials) is_left[dial->server] = false;
    const auto& connect = world_.settings.connect;
    const bool any_left = std::ranges::find(is_left, true) != is_left.end();
    bool holds = false;
    if (of.end == CloseReason::no_server) {
        holds = servers.empty();
    } else if (of.end == CloseReason::servers_full) {
        holds = !servers.empty() && ((of.dials.empty() && !any_left) || lacked_lately());
    } else {
        const bool spent = !of.dials.empty() && connect.budget.count() > 0 &&
                           now >= of.dials.front()->made_at + connect.budget;
        holds = !of.dials.empty() &&
                (spent || of.dials.size() >= connect.attempts || !any_left || lacked_lately());
    }
    if (!holds)
        world_.violate("reason", of, fmt::format("{} is not true", proxy::to_string(of.end)));
}

}  // namespace ringway::simulation::data
