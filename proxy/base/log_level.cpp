#include "proxy/base/log_level.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "conf/scalar.h"
#include "proxy/base/access_log.h"

namespace ringway::proxy {

namespace {

using Level = conf::LogSettings::Level;

constexpr std::array<std::pair<Level, std::string_view>, 4> names{{{Level::debug, "debug"},
                                                                   {Level::info, "info"},
                                                                   {Level::warn, "warn"},
                                                                   {Level::error, "error"}}};

}  // namespace

conf::LogSettings LogLevel::adopt(conf::LogSettings log) {
    of_file_ = log.level;
    if (!until_) level_ = of_file_;
    log.level = level_;
    return log;
}

void LogLevel::set(Level level, std::optional<conf::Duration> time) {
    timer_.cancel();
    until_.reset();
    if (time) {
        until_ = Clock::now() + *time;
        timer_.expires_at(*until_);
        timer_.async_wait([this](const boost::system::error_code& error) {
            if (error || !until_ || *until_ > Clock::now()) return;
            until_.reset();
            change(of_file_, "again: the time is over");
        });
    }
    change(level, time ? "for " + conf::spell(*time) : "until the next reload");
}

// Logged while the finer of both levels applies.
void LogLevel::change(Level level, std::string_view how_long) {
    const auto log_it = [&] { spdlog::info("log: level {} {}", to_string(level), how_long); };
    const bool is_finer = level < level_;
    if (!is_finer) log_it();
    level_ = level;
    set_log_level(level);
    if (is_finer) log_it();
}

std::optional<Clock::duration> LogLevel::left() const {
    if (!until_) return std::nullopt;
    return std::max(Clock::duration::zero(), *until_ - Clock::now());
}

std::string_view to_string(Level level) {
    const auto* const found =
        std::ranges::find(names, level, &std::pair<Level, std::string_view>::first);
    return found->second;
}

std::optional<Level> parse_log_level(std::string_view text) {
    const auto* const found =
        std::ranges::find(names, text, &std::pair<Level, std::string_view>::second);
    if (found == names.end()) return std::nullopt;
    return found->first;
}

void DebugSteps::done(std::string_view step) {
    const TimePoint now = Clock::now();
    const std::chrono::duration<double, std::milli> took = now - std::exchange(since_, now);
    spdlog::debug("{}: {}, {:.1f} ms", what_, step, took.count());
}

}  // namespace ringway::proxy
