#include "tests/simulation/data/world.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "proxy/data/relay.h"

namespace ringway::simulation::data {

namespace {

using Kind = Event::Kind;

// Its peer does what `kind` says, counted from the first kind of its side.
void act_on(Link& link, int kind, std::uint64_t amount) {
    switch (kind) {
        case 0:
            return link.write(amount);
        case 1:
            return link.end();
        case 2:
            return link.close_peer();
        case 3:
            return link.reset_peer();
        case 4:
            return link.vanish();
        case 5:
            return link.pause();
        case 6:
            link.slow = true;
            return;
        default:
            return link.resume();
    }
}

int kinds_after(Kind kind, Kind first) {
    return static_cast<int>(kind) - static_cast<int>(first);
}

}  // namespace

World::World(const History& of)
    : history(of), kernel(of.seed), random(of.seed), settings(Settings::draw(random)) {
    modes.resize(settings.servers.size(), ServerMode::accepts);
}

void World::open(unsigned number) {
    if (listener == nullptr || listener->fd < 0 || cases.contains(number)) return;
    RandomSource own(history.seed * 1'000 + number);
    Case& made = cases[number];
    made.number = number;
    made.opening = Opening::draw(settings, number, own);
    made.client_text = Text(made.opening.bytes, own.below(1U << 30));
    made.server_text = Text({}, own.below(1U << 30));
    made.client = &kernel.make<Link>();
    Link& link = *made.client;
    link.set_up(own.below(1U << 30));
    link.set_text(made.client_text);
    link.owner = &made;
    link.is_client = true;
    link.peer_port = port_of(number);
    link.peer_host = (made.opening.is_trusted ? 0x0a000100 : 0xac100100) + number % 200;
    if (settings.sends_proxy) {
        made.header = made.opening.bytes.substr(0, made.opening.header_bytes);
        if (made.header.empty()) {
            made.header = fmt::format("PROXY TCP4 10.0.1.{} 10.0.0.1 {} {}\r\n", number % 200,
                                      link.peer_port, own_port);
        }
    }
    link.state = Link::State::open;
    link.heard_at = kernel.now();
    listener->queue.push_back(&link);
    kernel.wake_soon(*listener);
}

void World::act(const Event& event) {
    const auto found = cases.find(static_cast<unsigned>(event.who));
    if (found == cases.end()) return;
    Case& of = found->second;
    if (event.kind < Kind::server_send) {
        return act_on(*of.client, kinds_after(event.kind, Kind::client_send), event.amount);
    }
    const bool is_there = of.server != nullptr && of.server->state == Link::State::open;
    if (!is_there) return of.waiting.push_back(event);
    act_on(*of.server, kinds_after(event.kind, Kind::server_send), event.amount);
}

void World::answer(Link& link, std::uint16_t port) {
    link.server = static_cast<std::size_t>(port - first_server_port);
    link.set_up(kernel.random().below(1U << 30));
    const bool at_once = kernel.random().one_in(8);
    switch (modes.at(link.server)) {
        case ServerMode::accepts:
        case ServerMode::resets:
            link.connect();
            break;
        case ServerMode::refuses:
            link.refuse(ECONNREFUSED);
            break;
        case ServerMode::is_unreachable:
            link.refuse(EHOSTUNREACH);
            break;
        case ServerMode::is_silent:
            link.state = Link::State::connecting;
            return;
    }
    if (at_once) kernel.pass(std::chrono::milliseconds(1));
}

void World::connected(Link& link) {
    if (modes.at(link.server) == ServerMode::resets) link.reset_peer();
    if (link.owner == nullptr || link.state != Link::State::open) return;
    for (const Event& event : std::exchange(link.owner->waiting, {})) act(event);
}

// Both sides of a connection are members of its relay, one behind the other.
Case* World::case_of(const Link& link) {
    const auto place = reinterpret_cast<std::uintptr_t>(link.watch.data.ptr);
    for (auto& [number, each] : cases) {
        if (!each.is_live()) continue;
        const auto client = reinterpret_cast<std::uintptr_t>(each.client->watch.data.ptr);
        if (client + sizeof(proxy::Side) == place) return &each;
    }
    return nullptr;
}

Case* World::case_of_port(std::uint16_t port) {
    const auto found = cases.find(static_cast<unsigned>(port) - port_of(0));
    return found != cases.end() ? &found->second : nullptr;
}

void World::violate(const char* law, const Case& of, const std::string& what) {
    kernel.violate(law, fmt::format("connection {}: {}", of.number, what));
}

}  // namespace ringway::simulation::data
