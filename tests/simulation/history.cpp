#include "tests/simulation/history.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include "tests/simulation/world.h"

namespace ringway::simulation {

namespace {

struct KindOfEvent {
    Event::Kind kind;
    const char* name;
    unsigned times;  // among all the others
};

using Kind = Event::Kind;
constexpr std::array kinds{KindOfEvent{Kind::advance, "advance", 40},
                           KindOfEvent{Kind::edit, "edit", 10},
                           KindOfEvent{Kind::spoil, "spoil", 2},
                           KindOfEvent{Kind::reread, "reread", 2},
                           KindOfEvent{Kind::plan, "plan", 3},
                           KindOfEvent{Kind::command, "command", 25},
                           KindOfEvent{Kind::peer, "peer", 12},
                           KindOfEvent{Kind::open, "open", 12},
                           KindOfEvent{Kind::close, "close", 8},
                           KindOfEvent{Kind::fail, "fail", 10},
                           KindOfEvent{Kind::hold, "hold", 3},
                           KindOfEvent{Kind::release, "release", 3},
                           KindOfEvent{Kind::take_address, "take_address", 1},
                           KindOfEvent{Kind::disk, "disk", 3},
                           KindOfEvent{Kind::wall_step, "wall_step", 1},
                           KindOfEvent{Kind::restart, "restart", 1},
                           KindOfEvent{Kind::crash, "crash", 2},
                           KindOfEvent{Kind::lose_state, "lose_state", 1},
                           KindOfEvent{Kind::damage_state, "damage_state", 1},
                           KindOfEvent{Kind::question, "question", 8},
                           KindOfEvent{Kind::page, "page", 8},
                           KindOfEvent{Kind::dial, "dial", 4},
                           KindOfEvent{Kind::rotate, "rotate", 1},
                           KindOfEvent{Kind::leave, "leave", 1}};

}  // namespace

History make_history(std::uint64_t seed, std::size_t events) {
    Random random(seed);
    std::size_t all = 0;
    for (const KindOfEvent& each : kinds) all += each.times;
    History history{seed, {}};
    history.events.reserve(events);
    while (history.events.size() < events) {
        std::size_t place = random.below(all);
        const KindOfEvent* chosen = kinds.data();
        while (place >= chosen->times) place -= chosen++->times;
        history.events.push_back({chosen->kind, random.number() >> 32});
    }
    return history;
}

std::string to_text(const History& history) {
    std::ostringstream text;
    text << "seed " << history.seed << '\n';
    for (const Event& event : history.events) {
        const auto* const found = std::ranges::find(kinds, event.kind, &KindOfEvent::kind);
        text << found->name << ' ' << event.number << '\n';
    }
    return std::move(text).str();
}

std::optional<History> parse_history(std::string_view text) {
    std::istringstream in{std::string(text)};
    History history;
    std::string name;
    if (!(in >> name >> history.seed) || name != "seed") return std::nullopt;
    std::uint64_t number = 0;
    while (in >> name) {
        const auto* const found =
            std::ranges::find_if(kinds, [&](const KindOfEvent& each) { return name == each.name; });
        if (found == kinds.end() || !(in >> number)) return std::nullopt;
        history.events.push_back({found->kind, number});
    }
    return history;
}

}  // namespace ringway::simulation
