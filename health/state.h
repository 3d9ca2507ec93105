// Decides from the results of probes whether a server is up. Pure: no clock, no
// I/O; the caller keeps one State per server and uses it from one thread.
//
// The first result decides at once, since nothing is known before it. After it, `fall` failures in
// a row take the server down and `rise` successes in a row bring it back; anything shorter changes
// nothing. Failed client connections may take it down earlier (health/passive.h).
#pragma once

#include <cassert>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace ringway::health {

struct Thresholds {
    std::uint32_t rise = 2;  // successes in a row, at least 1
    std::uint32_t fall = 3;  // failures in a row, at least 1
};

enum class Transition : std::uint8_t { none, went_up, went_down };

class State {
public:
    // `up`: what the server counts as until the first result.
    explicit State(Thresholds thresholds, bool up = true) : up_(up) { set_thresholds(thresholds); }

    // New thresholds count from the next result on; streaks go on.
    void set_thresholds(Thresholds thresholds) {
        assert(thresholds.rise >= 1 && thresholds.fall >= 1);
        thresholds_ = thresholds;
    }

    // A probe has ended; `reason` is its result, and is kept if it takes the server down. A first
    // success is no transition if the unchecked server counts as up; a first failure is one, also
    // of a server that was down only because it was unchecked.
    Transition on_probe(bool ok, std::string_view reason = {}) {
        count(ok);
        const bool first = !decided_;
        checked_ = true;
        decided_ = true;
        if (ok == up_ && !(first && !ok)) return Transition::none;
        if (!first && streak(ok) < (ok ? thresholds_.rise : thresholds_.fall))
            return Transition::none;
        up_ = ok;
        reason_ = ok ? std::string_view() : reason;
        return ok ? Transition::went_up : Transition::went_down;
    }

    // Takes the server down at once, for a reason other than a probe; only `rise` successes in a
    // row from now on bring it back.
    void take_down(std::string_view reason = {}) {
        decided_ = true;
        up_ = false;
        reason_ = reason;
        successes_ = 0;
    }

    // If the server waits for its first result, it counts as up from now on.
    void wait_no_more() {
        if (awaited()) up_ = true;
    }

    bool up() const { return up_; }
    // Why it is down; empty while it is up.
    const std::string& reason() const { return reason_; }
    // Down, and only because nothing is known yet.
    bool awaited() const { return !up_ && !decided_; }
    // Up, and the last result was a success. Otherwise the next probe comes soon.
    bool settled() const { return up_ && failures_ == 0; }
    bool checked() const { return checked_; }
    std::uint32_t successes() const { return successes_; }  // in a row, up to now
    std::uint32_t failures() const { return failures_; }    // in a row, up to now

private:
    void count(bool ok) {
        std::uint32_t& longer = ok ? successes_ : failures_;
        (ok ? failures_ : successes_) = 0;
        if (longer < std::numeric_limits<std::uint32_t>::max()) ++longer;
    }
    std::uint32_t streak(bool ok) const { return ok ? successes_ : failures_; }

    Thresholds thresholds_;
    bool up_;
    std::string reason_;
    bool checked_ = false;
    bool decided_ = false;
    std::uint32_t successes_ = 0;
    std::uint32_t failures_ = 0;
};

}  // namespace ringway::health
