// Makes a history that breaks a law as short as it can: fewer events, the same law.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "tests/simulation/violation.h"

namespace ringway::simulation {

// What a history breaks, and after how many events.
struct Outcome {
    std::optional<Violation> violation;
    std::size_t events = 0;
};

// Leaves out runs of events, halving their length (delta debugging, Zeller and Hildebrandt,
// 2002), for at most `runs_max` runs. `run` returns the Outcome of a History, which has a list
// `events`.
template <class History, class Run>
History shrink(History history, const Run& run, std::size_t runs_max = 2'000) {
    const Outcome first = run(history);
    if (!first.violation) return history;
    const std::string law = first.violation->law;
    history.events.resize(std::min(history.events.size(), first.events + 1));
    std::size_t runs = 0;
    for (std::size_t piece = std::max<std::size_t>(history.events.size() / 2, 1);; piece /= 2) {
        bool shorter = false;
        for (std::size_t at = 0; at < history.events.size() && runs < runs_max;) {
            History less = history;
            const auto begin = less.events.begin() + static_cast<std::ptrdiff_t>(at);
            const auto left = std::min(piece, history.events.size() - at);
            less.events.erase(begin, begin + static_cast<std::ptrdiff_t>(left));
            ++runs;
            const Outcome outcome = run(less);
            if (outcome.violation && outcome.violation->law == law) {
                less.events.resize(std::min(less.events.size(), outcome.events + 1));
                history = std::move(less);
                shorter = true;
            } else {
                at += piece;
            }
        }
        if (runs >= runs_max || (piece == 1 && !shorter)) return history;
        if (piece == 1) piece = 2;
    }
}

}  // namespace ringway::simulation
