// Decides from how clients' connections to a server fail whether it is to be taken
// offline ahead of its checks, and, where it has none, for how long. Pure: no clock, no
// I/O; the caller keeps one Passive per server and uses it from one thread.
//
// Failures of one kind are in a row while nothing has succeeded and no more than
// `within` has passed between them. What counts as a success is the caller's: any number
// that every success changes, so that whoever counts successes need not tell of them.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "conf/config.h"
#include "health/schedule.h"

namespace ringway::health {

enum class Failure : std::uint8_t {
    connect,      // refused, unreachable, no answer in time; never an error of this machine
    early_reset,  // broken off soon after the connect, before a byte from the server
};

class Passive {
public:
    explicit Passive(const conf::PassiveSettings& settings) : settings_(settings) {}

    // New settings count from the next failure on; a row that has begun goes on.
    void set_settings(const conf::PassiveSettings& settings) { settings_ = settings; }

    // So many more connections have failed by `now`. True where that takes the server
    // offline; what failed before then counts no more.
    bool on_failures(Failure kind, std::uint32_t count, std::uint64_t successes,
                     Clock::time_point now);

    // How long the server, taken offline just now, stays away where no checks bring it
    // back: `retry`, and twice as long as the last time where it has not stood that long
    // since, up to `retry_max`.
    Clock::duration time_out(Clock::time_point now);

private:
    struct Row {
        std::uint32_t failures = 0;
        std::uint64_t successes = 0;
        Clock::time_point last{};
    };

    conf::PassiveSettings settings_;
    std::array<Row, 2> rows_;
    Clock::duration time_out_{};       // the last one
    Clock::time_point returned_at_{};  // and its end
};

}  // namespace ringway::health
