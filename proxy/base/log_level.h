// The level of the log: the file's, or one that was set at run time, for a time or until
// the next reload. Control thread only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "conf/config.h"
#include "proxy/base/clock.h"

namespace ringway::proxy {

class LogLevel {
public:
    using Level = conf::LogSettings::Level;

    LogLevel(boost::asio::io_context& io, Level of_file)
        : of_file_(of_file), level_(of_file), timer_(io) {}

    // Takes `log` over from the file and returns what to use: with the level that was set at run
    // time if that has time left; one without a time ends here.
    conf::LogSettings adopt(conf::LogSettings log);

    // Logs at `level` from now on: for `time`, or without one until the next adopt().
    void set(Level level, std::optional<conf::Duration> time);

    Level level() const { return level_; }
    Level of_file() const { return of_file_; }
    // The remaining time of a level that was set for a time.
    std::optional<Clock::duration> left() const;

private:
    void change(Level level, std::string_view how_long);

    Level of_file_;
    Level level_;
    std::optional<TimePoint> until_;
    boost::asio::steady_timer timer_;
};

// "debug", "info", "warn" or "error", as the file spells it.
std::string_view to_string(conf::LogSettings::Level level);
std::optional<conf::LogSettings::Level> parse_log_level(std::string_view text);

// Logs in debug lines how long each step of an operation took.
class DebugSteps {
public:
    explicit DebugSteps(std::string what) : what_(std::move(what)) {}
    void done(std::string_view step);

private:
    const std::string what_;
    TimePoint since_ = Clock::now();
};

}  // namespace ringway::proxy
