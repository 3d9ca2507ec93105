// Decides from how clients' connections to a server fail whether it is to be taken
// offline ahead of its checks, and, where it has none, for how long. Pure: no clock, no
// I/O; the caller keeps one Passive per server and uses it from one thread.
//
// It owns the time-out that follows, from its begin to its end. How long it lasts is computed from
// the current settings.
//
// Failures of one kind are in a row while nothing has succeeded and no more than `within` has
// passed between them. The caller passes a success count, any number that every success changes, so
// that successes need no calls.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "conf/config.h"
#include "health/schedule.h"

namespace ringway::health {

enum class Failure : std::uint8_t {
    connect,      // refused, unreachable, no answer in time; never an error of this machine
    early_reset,  // broken off soon after the connect, before a byte from the server
};

const char* to_string(Failure kind);

// A server is offline because its connections failed.
struct TimeOut {
    Failure reason;
    Clock::time_point began;
    Clock::time_point until;  // where no check brings the server back before or after
};

class Passive {
public:
    explicit Passive(const conf::PassiveSettings& settings) : settings_(settings) {}

    // A row in progress continues; a time-out in progress lasts as long as the new settings say.
    void set_settings(const conf::PassiveSettings& settings) { settings_ = settings; }

    // `count` more connections have failed by `now`. True if that takes the server offline: its
    // time-out begins, and earlier failures no longer count.
    bool on_failures(Failure kind, std::uint32_t count, std::uint64_t successes,
                     Clock::time_point now);

    // The time-out that has begun and was not ended, also if its time is over. It lasts `retry`, or
    // twice as long as the one before if the server was not back for that long, up to `retry_max`.
    std::optional<TimeOut> time_out() const;

    // Ends the time-out: its time is over, or the server has been shown to serve.
    void end_time_out(Clock::time_point now);

    // Forgets every failure and every time-out.
    void clear() { *this = Passive(settings_); }

private:
    struct Row {
        std::uint32_t failures = 0;
        std::uint64_t successes = 0;
        Clock::time_point last{};
    };

    Clock::duration length() const;

    conf::PassiveSettings settings_;
    std::array<Row, 2> rows_;
    bool in_time_out_ = false;
    // Of the last time-out, and of the one now.
    bool had_one_ = false;
    Failure reason_ = Failure::connect;
    Clock::time_point began_at_{};
    Clock::time_point returned_at_{};
    std::uint32_t doublings_ = 0;
};

}  // namespace ringway::health
