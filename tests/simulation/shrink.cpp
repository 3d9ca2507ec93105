#include "tests/simulation/shrink.h"

#include <algorithm>

namespace ringway::simulation {

History shrink(History history, const Run& run, std::size_t runs_max) {
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
