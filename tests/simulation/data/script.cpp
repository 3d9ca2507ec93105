#include "tests/simulation/data/script.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "tests/simulation/random_source.h"

namespace ringway::simulation::data {

namespace {

using Kind = Event::Kind;

struct KindOfEvent {
    Kind kind;
    const char* name;
    unsigned times;  // among all the others
};

constexpr std::array kinds{KindOfEvent{Kind::wait, "wait", 120},
                           KindOfEvent{Kind::open, "open", 40},
                           KindOfEvent{Kind::client_send, "client_send", 80},
                           KindOfEvent{Kind::client_end, "client_end", 20},
                           KindOfEvent{Kind::client_close, "client_close", 4},
                           KindOfEvent{Kind::client_reset, "client_reset", 5},
                           KindOfEvent{Kind::client_vanish, "client_vanish", 2},
                           KindOfEvent{Kind::client_pause, "client_pause", 7},
                           KindOfEvent{Kind::client_slow, "client_slow", 4},
                           KindOfEvent{Kind::client_resume, "client_resume", 8},
                           KindOfEvent{Kind::server_send, "server_send", 60},
                           KindOfEvent{Kind::server_end, "server_end", 15},
                           KindOfEvent{Kind::server_close, "server_close", 4},
                           KindOfEvent{Kind::server_reset, "server_reset", 5},
                           KindOfEvent{Kind::server_vanish, "server_vanish", 2},
                           KindOfEvent{Kind::server_pause, "server_pause", 7},
                           KindOfEvent{Kind::server_slow, "server_slow", 4},
                           KindOfEvent{Kind::server_resume, "server_resume", 8},
                           KindOfEvent{Kind::mode, "mode", 8},
                           KindOfEvent{Kind::evict, "evict", 3},
                           KindOfEvent{Kind::cancel, "cancel", 1},
                           KindOfEvent{Kind::take_up, "take_up", 1},
                           KindOfEvent{Kind::lack, "lack", 3},
                           KindOfEvent{Kind::lack_no_more, "lack_no_more", 5},
                           KindOfEvent{Kind::sleep, "sleep", 3},
                           KindOfEvent{Kind::drain, "drain", 1},
                           KindOfEvent{Kind::stop, "stop", 1}};

const KindOfEvent& any_kind(RandomSource& random) {
    static const unsigned all = [] {
        unsigned sum = 0;
        for (const KindOfEvent& each : kinds) sum += each.times;
        return sum;
    }();
    std::size_t place = random.below(all);
    const KindOfEvent* chosen = kinds.data();
    while (place >= chosen->times) place -= chosen++->times;
    return *chosen;
}

// Every size up to `most` is as likely as its double.
std::uint64_t some_size(RandomSource& random, unsigned most_bits) {
    return 1 + random.below(std::size_t{1} << random.below(most_bits + 1));
}

std::uint64_t some_amount(Kind kind, RandomSource& random) {
    switch (kind) {
        case Kind::wait:
            return some_size(random, 22);
        case Kind::client_send:
        case Kind::server_send:
            return some_size(random, random.one_in(8) ? 21 : 16);
        case Kind::mode:
            return random.one_in(2) ? 0 : random.below(server_modes);
        case Kind::evict:
            return random.one_in(2) ? 0 : some_size(random, 13);
        case Kind::sleep:
            return some_size(random, 19);
        case Kind::lack:
            return random.below(2);
        default:
            return 0;
    }
}

}  // namespace

History make_history(std::uint64_t seed) {
    RandomSource random(seed);
    History history{seed, {}};
    const std::size_t events = 8 + random.below(random.one_in(8) ? 300 : 60);
    std::uint64_t opened = 0;
    while (history.events.size() < events) {
        const Kind kind = opened == 0 ? Kind::open : any_kind(random).kind;
        Event event{.kind = kind, .who = 0, .amount = some_amount(kind, random)};
        if (kind == Kind::open) event.who = opened++;
        if (kind > Kind::open && kind <= Kind::server_resume) event.who = random.below(opened);
        if (kind >= Kind::mode && kind <= Kind::cancel) event.who = random.below(4);
        history.events.push_back(event);
        // Few say nothing.
        if (kind == Kind::open && !random.one_in(6)) {
            history.events.push_back({Kind::client_send, event.who, 40 + some_size(random, 10)});
        }
    }
    return history;
}

std::string to_text(const Event& event) {
    std::ostringstream text;
    text << std::ranges::find(kinds, event.kind, &KindOfEvent::kind)->name << ' ' << event.who
         << ' ' << event.amount;
    return std::move(text).str();
}

std::string to_text(const History& history) {
    std::string text = "seed " + std::to_string(history.seed) + '\n';
    for (const Event& event : history.events) text += to_text(event) + '\n';
    return text;
}

std::optional<History> parse_history(std::string_view text) {
    std::istringstream in{std::string(text)};
    History history;
    std::string name;
    if (!(in >> name >> history.seed) || name != "seed") return std::nullopt;
    while (in >> name) {
        const auto* const found =
            std::ranges::find_if(kinds, [&](const KindOfEvent& each) { return name == each.name; });
        Event event;
        if (found == kinds.end() || !(in >> event.who >> event.amount)) return std::nullopt;
        event.kind = found->kind;
        history.events.push_back(event);
    }
    return history;
}

}  // namespace ringway::simulation::data
