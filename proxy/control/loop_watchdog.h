// Whether every loop turns: a question goes round, and only when all have answered it
// is the process well. Pure; one thread.
#pragma once

#include <cstddef>
#include <vector>

#include "proxy/base/clock.h"

namespace ringway::proxy {

class Pulse {
public:
    explicit Pulse(std::size_t loops) : silent_(loops, false) {}

    // Whether a question is to be put to every loop now. None is while the last one has
    // not been answered by all: a loop that hangs is not asked again and again.
    bool ask(TimePoint now) {
        if (open_ > 0) return false;
        silent_.assign(silent_.size(), true);
        open_ = silent_.size();
        asked_at_ = now;
        return true;
    }

    // One loop's answer. Whether it was the one that was missing: all is well.
    bool answer(std::size_t loop) {
        if (!silent_.at(loop)) return false;
        silent_[loop] = false;
        return --open_ == 0;
    }

    // The loops that owe an answer, and for how long they have.
    std::vector<std::size_t> silent() const {
        std::vector<std::size_t> loops;
        for (std::size_t i = 0; i < silent_.size(); ++i) {
            if (silent_[i]) loops.push_back(i);
        }
        return loops;
    }
    Clock::duration silent_for(TimePoint now) const { return now - asked_at_; }

private:
    std::vector<bool> silent_;
    std::size_t open_ = 0;
    TimePoint asked_at_{};
};

}  // namespace ringway::proxy
