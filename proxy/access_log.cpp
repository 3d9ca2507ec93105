#include "proxy/access_log.h"

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

namespace ringway::proxy {

namespace {

std::atomic<LogWriter*> access_writer{nullptr};

class WriterSink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    explicit WriterSink(LogWriter& writer) : writer_(writer) {}

private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        writer_.append({line.data(), line.size()}, true);
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

// "2026-01-31T23:59:59.123Z". The part up to the second is made once a second.
void append_time(fmt::memory_buffer& line) {
    thread_local std::time_t last_second = -1;
    thread_local std::array<char, 24> text{};
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != last_second) {
        last_second = now.tv_sec;
        std::tm utc{};
        ::gmtime_r(&now.tv_sec, &utc);
        std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    }
    fmt::format_to(std::back_inserter(line), "{}.{:03}Z", text.data(), now.tv_nsec / 1'000'000);
}

}  // namespace

void start_logging(LogWriter& writer, conf::LogSettings::Level level) {
    auto logger = std::make_shared<spdlog::logger>("ringway", std::make_shared<WriterSink>(writer));
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    spdlog::set_default_logger(std::move(logger));
    set_log_level(level);
    access_writer.store(&writer, std::memory_order_release);
}

void set_log_level(conf::LogSettings::Level level) {
    spdlog::set_level(to_spdlog(level));
}

void stop_logging() {
    access_writer.store(nullptr, std::memory_order_release);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("none"));
}

void log_access(const AccessEntry& entry) {
    LogWriter* writer = access_writer.load(std::memory_order_acquire);
    if (writer == nullptr) return;
    fmt::memory_buffer line;
    append_time(line);
    auto out = std::back_inserter(line);
    fmt::format_to(out, " access listener={} client={} key=\"{}\" ", entry.listener,
                   escaped(entry.client.to_string()), escaped(entry.key));
    if (!entry.placed_by.empty()) {
        fmt::format_to(out, "placed_by={}:{} ", entry.placed_by, entry.missing);
    }
    fmt::format_to(out,
                   "server={} attempts={} up={} down={} open_ms={:.1f} total_ms={:.1f} end={}\n",
                   escaped(entry.server), entry.attempts, entry.bytes_up, entry.bytes_down,
                   entry.open_ms, entry.total_ms, entry.end);
    writer->append({line.data(), line.size()}, false);
}

std::string escaped(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\') {
            fmt::format_to(std::back_inserter(text), "\\x{:02x}", byte);
        } else {
            text.push_back(c);
        }
    }
    return text;
}

}  // namespace ringway::proxy
