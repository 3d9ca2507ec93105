// The program's log: messages through spdlog's default logger, and one line per connection at its
// end. Both go to one LogWriter. Any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "conf/config.h"
#include "proxy/base/log.h"

namespace ringway::proxy {

// Sets spdlog's default logger up to write to `writer`, which must outlive it.
void start_logging(LogWriter& writer, const conf::LogSettings& settings);
// The level and format from now on.
void set_log_style(const conf::LogSettings& settings);
void set_log_level(conf::LogSettings::Level level);
// Detaches the default logger from the writer.
void stop_logging();

struct AccessEntry {
    std::string_view listener;
    conf::Endpoint client;
    std::string_view key;        // bytes; escaped in the line
    std::string_view placed_by;  // why the connection was not placed by its key; empty if it was
    std::string_view missing;
    std::string_view server;  // empty if none was found
    unsigned attempts;        // servers that were dialled
    std::uint64_t bytes_up;
    std::uint64_t bytes_down;
    double open_ms;   // from accept until a server was connected; 0 if none was
    double total_ms;  // from accept to the end
    std::string_view end;
    std::string_view tls;        // the version that was agreed; empty without TLS
    std::string_view tls_error;  // why TLS failed, in words; empty if it did not
    std::string_view pool{};     // of its route, or the fallback; empty where there is only one
    bool is_fallback = false;    // its own pool had no server for it
};

void log_access(const AccessEntry& entry);

namespace detail {
inline std::atomic<bool> debug_enabled{false};
}

// Whether debug lines are logged. Checked before a line is formatted, so that a suppressed line
// costs a load and a branch.
inline bool logs_debug() {
    return detail::debug_enabled.load(std::memory_order_relaxed);
}

// A step of one connection. All lines of a connection have the same number; a PROXY header changes
// its client.
struct DebugEntry {
    std::size_t worker;
    std::uint32_t number;  // of the connection, within its worker
    std::string_view listener;
    const conf::Endpoint& client;
    std::string_view key;  // bytes; escaped in the line; empty before it is known
    std::string_view message;
};

// Logs `entry`, where logs_debug().
void log_debug(const DebugEntry& entry);

// The line that says how many lines were lost.
std::string log_loss_line(std::uint64_t lost);

}  // namespace ringway::proxy
