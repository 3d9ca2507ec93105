#include "proxy/base/access_log.h"

#include <array>
#include <atomic>
#include <chrono>
#include <ctime>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>

#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include "proxy/base/presentable.h"
#include "proxy/text/escape.h"

namespace ringway::proxy {

namespace {

using Format = conf::LogSettings::Format;

std::atomic<LogWriter*> access_writer{nullptr};
std::atomic<Format> format{Format::text};

// "2026-01-31T23:59:59.123Z". The part up to the second is formatted once a second.
void append_time(fmt::memory_buffer& line, std::chrono::system_clock::time_point time) {
    thread_local std::time_t last_second = -1;
    thread_local std::array<char, 24> text{};
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
    const std::time_t second = ms / 1000;
    if (second != last_second) {
        last_second = second;
        std::tm utc{};
        ::gmtime_r(&second, &utc);
        std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    }
    fmt::format_to(std::back_inserter(line), "{}.{:03}Z", text.data(), ms % 1000);
}

// One message, in the current format.
void append_message(fmt::memory_buffer& line, std::chrono::system_clock::time_point time,
                    std::string_view level, std::string_view message) {
    auto out = std::back_inserter(line);
    if (format.load(std::memory_order_relaxed) == Format::text) {
        append_time(line, time);
        fmt::format_to(out, " {} {}\n", level, message);
    } else {
        line.append(std::string_view("{\"time\":\""));
        append_time(line, time);
        fmt::format_to(out, "\",\"level\":\"{}\",\"message\":{}}}\n", level, json_string(message));
    }
}

std::string_view view_of(const fmt::memory_buffer& line) {
    return {line.data(), line.size()};
}

Priority priority_of(spdlog::level::level_enum level) {
    if (level >= spdlog::level::err) return Priority::error;
    if (level == spdlog::level::warn) return Priority::warning;
    return level == spdlog::level::info ? Priority::info : Priority::debug;
}

class WriterSink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    explicit WriterSink(LogWriter& writer) : writer_(writer) {}

private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        const auto level = spdlog::level::to_string_view(message.level);
        fmt::memory_buffer line;
        append_message(line, message.time, {level.data(), level.size()},
                       {message.payload.data(), message.payload.size()});
        writer_.append(view_of(line), message.level > spdlog::level::debug,
                       priority_of(message.level));
    }
    void flush_() override {}

    LogWriter& writer_;
};

spdlog::level::level_enum to_spdlog(conf::LogSettings::Level level) {
    switch (level) {
        case conf::LogSettings::Level::debug:
            return spdlog::level::debug;
        case conf::LogSettings::Level::info:
            return spdlog::level::info;
        case conf::LogSettings::Level::warn:
            return spdlog::level::warn;
        case conf::LogSettings::Level::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

// Blanks are escaped too, so that a client cannot inject fields by the name of its unix socket.
std::string escaped_word(std::string_view bytes) {
    std::string text;
    for (const char c : escaped(bytes)) text += c == ' ' ? "\\x20" : std::string(1, c);
    return text;
}

void append_access_text(fmt::memory_buffer& line, const AccessEntry& entry) {
    auto out = std::back_inserter(line);
    append_time(line, std::chrono::system_clock::now());
    fmt::format_to(out, " access listener={} client={} key=\"{}\" ", entry.listener,
                   escaped_word(entry.client.to_string()), escaped(entry.key));
    if (!entry.placed_by.empty()) {
        fmt::format_to(out, "placed_by={}:{} ", entry.placed_by, entry.missing);
    }
    if (!entry.tls.empty()) fmt::format_to(out, "tls={} ", entry.tls);
    if (!entry.tls_error.empty()) fmt::format_to(out, "tls_error=\"{}\" ", entry.tls_error);
    if (!entry.pool.empty()) fmt::format_to(out, "pool={} ", entry.pool);
    if (entry.is_fallback) fmt::format_to(out, "fallback=yes ");
    fmt::format_to(out,
                   "server={} attempts={} up={} down={} open_ms={:.1f} total_ms={:.1f} end={}\n",
                   entry.server.empty() ? "-" : escaped(entry.server), entry.attempts,
                   entry.bytes_up, entry.bytes_down, entry.open_ms, entry.total_ms, entry.end);
}

void append_access_json(fmt::memory_buffer& line, const AccessEntry& entry) {
    auto out = std::back_inserter(line);
    line.append(std::string_view("{\"time\":\""));
    append_time(line, std::chrono::system_clock::now());
    fmt::format_to(out, R"(","level":"access","listener":{},"client":{},"key":{},)",
                   json_string(entry.listener), json_string(escaped(entry.client.to_string())),
                   json_string(escaped(entry.key)));
    if (!entry.placed_by.empty()) {
        fmt::format_to(out, R"("placed_by":"{}","missing":"{}",)", entry.placed_by, entry.missing);
    }
    if (!entry.tls.empty()) fmt::format_to(out, R"("tls":"{}",)", entry.tls);
    if (!entry.tls_error.empty()) {
        fmt::format_to(out, R"("tls_error":{},)", json_string(entry.tls_error));
    }
    if (!entry.pool.empty()) fmt::format_to(out, R"("pool":"{}",)", entry.pool);
    if (entry.is_fallback) fmt::format_to(out, R"("fallback":true,)");
    fmt::format_to(out,
                   R"("server":{},"attempts":{},"bytes_up":{},"bytes_down":{},"open_ms":{:.1f},)"
                   R"("total_ms":{:.1f},"end":"{}"}})"
                   "\n",
                   entry.server.empty() ? "null" : json_string(entry.server), entry.attempts,
                   entry.bytes_up, entry.bytes_down, entry.open_ms, entry.total_ms, entry.end);
}

}  // namespace

void start_logging(LogWriter& writer, const conf::LogSettings& settings) {
    auto logger = std::make_shared<spdlog::logger>("ringway", std::make_shared<WriterSink>(writer));
    spdlog::set_default_logger(std::move(logger));
    set_log_style(settings);
    access_writer.store(&writer, std::memory_order_release);
}

void set_log_style(const conf::LogSettings& settings) {
    set_log_level(settings.level);
    format.store(settings.format, std::memory_order_relaxed);
}

void set_log_level(conf::LogSettings::Level level) {
    spdlog::set_level(to_spdlog(level));
    detail::debug_enabled.store(level == conf::LogSettings::Level::debug,
                                std::memory_order_relaxed);
}

void stop_logging() {
    detail::debug_enabled.store(false, std::memory_order_relaxed);
    access_writer.store(nullptr, std::memory_order_release);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("none"));
}

void log_access(const AccessEntry& entry) {
    LogWriter* writer = access_writer.load(std::memory_order_acquire);
    if (writer == nullptr) return;
    fmt::memory_buffer line;
    if (format.load(std::memory_order_relaxed) == Format::text) {
        append_access_text(line, entry);
    } else {
        append_access_json(line, entry);
    }
    writer->append(view_of(line), false);
}

void log_debug(const DebugEntry& entry) {
    LogWriter* writer = access_writer.load(std::memory_order_acquire);
    if (writer == nullptr || !logs_debug()) return;
    fmt::memory_buffer line;
    auto out = std::back_inserter(line);
    const std::string client = entry.client.to_string();
    const auto now = std::chrono::system_clock::now();
    if (format.load(std::memory_order_relaxed) == Format::text) {
        append_time(line, now);
        fmt::format_to(out, " debug connection={}-{} listener={} client={} key=\"{}\" {}\n",
                       entry.worker, entry.number, entry.listener, escaped(client),
                       escaped(entry.key), entry.message);
    } else {
        line.append(std::string_view("{\"time\":\""));
        append_time(line, now);
        fmt::format_to(out,
                       R"(","level":"debug","message":{},"connection":"{}-{}","listener":{},)"
                       R"("client":{},"key":{}}})"
                       "\n",
                       json_string(entry.message), entry.worker, entry.number,
                       json_string(entry.listener), json_string(client),
                       json_string(escaped(entry.key)));
    }
    writer->append(view_of(line), false, Priority::debug);
}

std::string log_loss_line(std::uint64_t lost) {
    fmt::memory_buffer line;
    append_message(line, std::chrono::system_clock::now(), "warning",
                   fmt::format("log: {} line{} lost: the target was too slow or full", lost,
                               lost == 1 ? " was" : "s were"));
    return fmt::to_string(line);
}

}  // namespace ringway::proxy
